extern const int console_assets_version;
