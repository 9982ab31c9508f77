int clinux_version(void);
