// SPDX-License-Identifier: Apache-2.0
// #embed (C23) copies a file into the binary without a literal for the compiler to chew on, and the
// build system notices when the file changes.
#include "console_assets.h"

static const unsigned char app_css[] = {
#embed "assets/app.css"
};
static const unsigned char app_js[] = {
#embed "assets/app.js"
};
static const unsigned char passkey_js[] = {
#embed "assets/passkey.js"
};
static const unsigned char favicon_svg[] = {
#embed "assets/favicon.svg"
};
static const unsigned char mark_svg[] = {
#embed "assets/mark.svg"
};
static const unsigned char band_svg[] = {
#embed "assets/band.svg"
};
static const unsigned char rosette_svg[] = {
#embed "assets/rosette.svg"
};
static const unsigned char account_template[] = {
#embed "assets/templates/account.mustache"
};
static const unsigned char channels_template[] = {
#embed "assets/templates/channels.mustache"
};
static const unsigned char deliveries_template[] = {
#embed "assets/templates/deliveries.mustache"
};
static const unsigned char action_template[] = {
#embed "assets/templates/action.mustache"
};
static const unsigned char ago_template[] = {
#embed "assets/templates/ago.mustache"
};
static const unsigned char bottom_template[] = {
#embed "assets/templates/bottom.mustache"
};
static const unsigned char countdown_template[] = {
#embed "assets/templates/countdown.mustache"
};
static const unsigned char decide_template[] = {
#embed "assets/templates/decide.mustache"
};
static const unsigned char decisions_template[] = {
#embed "assets/templates/decisions.mustache"
};
static const unsigned char directory_template[] = {
#embed "assets/templates/directory.mustache"
};
static const unsigned char drift_template[] = {
#embed "assets/templates/drift.mustache"
};
static const unsigned char deviation_template[] = {
#embed "assets/templates/deviation.mustache"
};
static const unsigned char drift_source_template[] = {
#embed "assets/templates/drift-source.mustache"
};
static const unsigned char deviation_change_template[] = {
#embed "assets/templates/deviation-change.mustache"
};
static const unsigned char error_template[] = {
#embed "assets/templates/error.mustache"
};
static const unsigned char gauge_template[] = {
#embed "assets/templates/gauge.mustache"
};
static const unsigned char hidden_template[] = {
#embed "assets/templates/hidden.mustache"
};
static const unsigned char history_template[] = {
#embed "assets/templates/history.mustache"
};
static const unsigned char inbox_template[] = {
#embed "assets/templates/inbox.mustache"
};
static const unsigned char ledger_template[] = {
#embed "assets/templates/ledger.mustache"
};
static const unsigned char policies_template[] = {
#embed "assets/templates/policies.mustache"
};
static const unsigned char record_template[] = {
#embed "assets/templates/record.mustache"
};
static const unsigned char rendering_template[] = {
#embed "assets/templates/rendering.mustache"
};
static const unsigned char requester_template[] = {
#embed "assets/templates/requester.mustache"
};
static const unsigned char seal_template[] = {
#embed "assets/templates/seal.mustache"
};
static const unsigned char sign_in_template[] = {
#embed "assets/templates/sign-in.mustache"
};
static const unsigned char slots_template[] = {
#embed "assets/templates/slots.mustache"
};
static const unsigned char time_template[] = {
#embed "assets/templates/time.mustache"
};
static const unsigned char top_template[] = {
#embed "assets/templates/top.mustache"
};
static const unsigned char verdict_template[] = {
#embed "assets/templates/verdict.mustache"
};
static const unsigned char change_template[] = {
#embed "assets/templates/change.mustache"
};
static const unsigned char batch_template[] = {
#embed "assets/templates/batch.mustache"
};
static const unsigned char device_template[] = {
#embed "assets/templates/device.mustache"
};
static const unsigned char glass_template[] = {
#embed "assets/templates/glass.mustache"
};
static const unsigned char sealing_template[] = {
#embed "assets/templates/sealing.mustache"
};
static const unsigned char talk_template[] = {
#embed "assets/templates/talk.mustache"
};
static const unsigned char tokens_template[] = {
#embed "assets/templates/tokens.mustache"
};

#define FILE(name, bytes) {name, bytes, sizeof(bytes)}

static const console_asset files[] = {
    FILE("app.css", app_css),
    FILE("app.js", app_js),
    FILE("passkey.js", passkey_js),
    FILE("favicon.svg", favicon_svg),
    FILE("mark.svg", mark_svg),
    FILE("band.svg", band_svg),
    FILE("rosette.svg", rosette_svg),
    FILE("account.mustache", account_template),
    FILE("channels.mustache", channels_template),
    FILE("deliveries.mustache", deliveries_template),
    FILE("action.mustache", action_template),
    FILE("batch.mustache", batch_template),
    FILE("ago.mustache", ago_template),
    FILE("bottom.mustache", bottom_template),
    FILE("countdown.mustache", countdown_template),
    FILE("decide.mustache", decide_template),
    FILE("decisions.mustache", decisions_template),
    FILE("directory.mustache", directory_template),
    FILE("drift.mustache", drift_template),
    FILE("deviation.mustache", deviation_template),
    FILE("drift-source.mustache", drift_source_template),
    FILE("deviation-change.mustache", deviation_change_template),
    FILE("error.mustache", error_template),
    FILE("gauge.mustache", gauge_template),
    FILE("hidden.mustache", hidden_template),
    FILE("history.mustache", history_template),
    FILE("inbox.mustache", inbox_template),
    FILE("ledger.mustache", ledger_template),
    FILE("policies.mustache", policies_template),
    FILE("record.mustache", record_template),
    FILE("rendering.mustache", rendering_template),
    FILE("requester.mustache", requester_template),
    FILE("seal.mustache", seal_template),
    FILE("sign-in.mustache", sign_in_template),
    FILE("slots.mustache", slots_template),
    FILE("time.mustache", time_template),
    FILE("top.mustache", top_template),
    FILE("change.mustache", change_template),
    FILE("device.mustache", device_template),
    FILE("glass.mustache", glass_template),
    FILE("sealing.mustache", sealing_template),
    FILE("talk.mustache", talk_template),
    FILE("tokens.mustache", tokens_template),
    FILE("verdict.mustache", verdict_template),
};

int console_asset_count(void) {
    return (int)(sizeof(files) / sizeof(files[0]));
}

const console_asset *console_asset_at(int index) {
    if (index < 0 || index >= console_asset_count()) {
        return NULL;
    }
    return &files[index];
}
