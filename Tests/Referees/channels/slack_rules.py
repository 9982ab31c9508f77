# SPDX-License-Identifier: Apache-2.0
"""What Slack demands of messages and views.

The SDK's own validators first; then what they are known to miss: number of blocks, unknown
members, lengths of fields, empty texts, ids used twice.
"""
import json

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
MESSAGE_TEXT, VIEW_BYTES, ACK_BYTES = 40_000, 250_000, 20_000

COMMON = {"type", "block_id"}
BLOCKS = {
    "section": {"text", "fields", "accessory", "expand"}, "header": {"text"}, "divider": set(),
    "context": {"elements"}, "actions": {"elements"}, "rich_text": {"elements"},
    "input": {"label", "element", "dispatch_action", "hint", "optional"}, "markdown": {"text"},
    "image": {"image_url", "alt_text", "title", "slack_file"},
    "table": {"rows", "column_settings"},
}
ELEMENTS = {
    "button": {"type", "text", "action_id", "url", "value", "style", "confirm",
               "accessibility_label"},
    "plain_text_input": {"type", "action_id", "initial_value", "multiline", "min_length",
                         "max_length", "dispatch_action_config", "focus_on_load", "placeholder"},
    "static_select": {"type", "action_id", "options", "option_groups", "initial_option",
                      "confirm", "focus_on_load", "placeholder"},
    "radio_buttons": {"type", "action_id", "options", "initial_option", "confirm",
                      "focus_on_load"},
    "checkboxes": {"type", "action_id", "options", "initial_options", "confirm",
                   "focus_on_load"},
    "overflow": {"type", "action_id", "options", "confirm"},
}
TEXTS = {"plain_text": {"type", "text", "emoji"}, "mrkdwn": {"type", "text", "verbatim"}}
RICH = {
    "rich_text_section": {"type", "elements"},
    "rich_text_preformatted": {"type", "elements", "border", "language"},
    "rich_text_quote": {"type", "elements", "border"},
    "rich_text_list": {"type", "elements", "style", "indent", "offset", "border"},
    "text": {"type", "text", "style"}, "link": {"type", "url", "text", "unsafe", "style"},
    "emoji": {"type", "name", "unicode", "style"}, "user": {"type", "user_id", "style"},
    "channel": {"type", "channel_id", "style"}, "broadcast": {"type", "range"},
    "usergroup": {"type", "usergroup_id", "style"},
    "date": {"type", "timestamp", "format", "url", "fallback", "style"},
    "color": {"type", "value"},
}
CONFIRM = {"title", "text", "confirm", "deny", "style"}
OPTION = {"text", "value", "description", "url"}
LENGTHS = {"value": 2000, "url": 3000, "action_id": 255, "block_id": 255}


class Invalid(Exception):
    """What is wrong, with where, as Slack would say it."""


def check_blocks(blocks, limit=MESSAGE_BLOCKS):
    """Raises Invalid for blocks that Slack would not take."""
    if not isinstance(blocks, list):
        raise Invalid("blocks must be an array")
    if len(blocks) > limit:
        raise Invalid(f"no more than {limit} items allowed [json-pointer:/blocks]")
    seen = set()
    for index, block in enumerate(blocks):
        where = f"/blocks/{index}"
        _block(block, where)
        name = block.get("block_id")
        if name in seen:
            raise Invalid(f"`block_id` {name} already exists [json-pointer:{where}]")
        if name:
            seen.add(name)
    parsed = Block.parse_all(json.loads(json.dumps(blocks)))
    if len(parsed) != len(blocks):
        raise Invalid("a block that the SDK cannot read")
    for block in parsed:
        try:
            block.validate_json()
        except SlackObjectFormationError as error:
            raise Invalid(str(error)) from None


def _members(value, allowed, where):
    if not isinstance(value, dict):
        raise Invalid(f"must be an object [json-pointer:{where}]")
    unknown = set(value) - allowed
    if unknown:
        raise Invalid(f"invalid additional property: {sorted(unknown)[0]} [json-pointer:{where}]")
    for name, limit in LENGTHS.items():
        if isinstance(value.get(name), str) and len(value[name]) > limit:
            raise Invalid(f"must be less than {limit + 1} characters "
                          f"[json-pointer:{where}/{name}]")


def _block(block, where):
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in BLOCKS:
        raise Invalid(f"unsupported type: {kind} [json-pointer:{where}/type]")
    _members(block, COMMON | BLOCKS[kind], where)
    if kind == "section":
        if not block.get("text") and not block.get("fields"):
            raise Invalid(f"missing text or fields [json-pointer:{where}]")
        if "text" in block:
            text(block["text"], 3000, f"{where}/text")
        if len(block.get("fields", [])) > 10:
            raise Invalid(f"no more than 10 items allowed [json-pointer:{where}/fields]")
        for index, field in enumerate(block.get("fields", [])):
            text(field, 2000, f"{where}/fields/{index}")
        if "accessory" in block:
            _element(block["accessory"], f"{where}/accessory")
    elif kind == "header":
        text(block.get("text"), 150, f"{where}/text", plain=True)
    elif kind == "context":
        _several(block, 10, where)
        for index, part in enumerate(block["elements"]):
            if part.get("type") != "image":
                text(part, 3000, f"{where}/elements/{index}")
    elif kind == "actions":
        _several(block, 25, where)
        for index, part in enumerate(block["elements"]):
            _element(part, f"{where}/elements/{index}")
        names = [part.get("action_id") for part in block["elements"] if part.get("action_id")]
        if len(names) != len(set(names)):
            raise Invalid(f"`action_id` already exists [json-pointer:{where}]")
    elif kind == "rich_text":
        _several(block, 10_000, where)
        for index, part in enumerate(block["elements"]):
            _rich(part, f"{where}/elements/{index}", True)
    elif kind == "input":
        text(block.get("label"), 2000, f"{where}/label", plain=True)
        if "hint" in block:
            text(block["hint"], 2000, f"{where}/hint", plain=True)
        _element(block.get("element"), f"{where}/element")
    elif kind == "markdown" and not 1 <= len(block.get("text") or "") <= 12_000:
        raise Invalid(f"must be between 1 and 12000 characters [json-pointer:{where}/text]")


def _several(block, limit, where):
    parts = block.get("elements")
    if not isinstance(parts, list) or not 1 <= len(parts) <= limit:
        raise Invalid(f"must have 1 to {limit} elements [json-pointer:{where}/elements]")


def text(value, limit, where, plain=False):
    """A text object of at most so many characters, which must not be empty."""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in TEXTS or (plain and kind != "plain_text"):
        raise Invalid(f"not a text object [json-pointer:{where}]")
    _members(value, TEXTS[kind], where)
    length = len(value.get("text") or "")
    if length < 1:
        raise Invalid(f"must be more than 0 characters [json-pointer:{where}/text]")
    if length > limit:
        raise Invalid(f"must be less than {limit + 1} characters [json-pointer:{where}/text]")


def _element(value, where):
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in ELEMENTS:
        raise Invalid(f"unsupported type: {kind} [json-pointer:{where}/type]")
    _members(value, ELEMENTS[kind], where)
    if kind == "button":
        text(value.get("text"), 75, f"{where}/text", plain=True)
        if value.get("style") not in (None, "primary", "danger"):
            raise Invalid(f"unknown style [json-pointer:{where}/style]")
        label = value.get("accessibility_label")
        if label is not None and len(label) > 75:
            raise Invalid(f"must be less than 76 characters "
                          f"[json-pointer:{where}/accessibility_label]")
    if kind == "plain_text_input":
        most, least = value.get("max_length", 3000), value.get("min_length", 0)
        if not 1 <= most <= 3000 or not 0 <= least <= 3000 or least > most:
            raise Invalid(f"lengths out of range [json-pointer:{where}]")
        if len(value.get("initial_value", "")) > most:
            raise Invalid(f"initial_value is too long [json-pointer:{where}]")
    if "placeholder" in value:
        text(value["placeholder"], 150, f"{where}/placeholder", plain=True)
    if "confirm" in value:
        _confirm(value["confirm"], f"{where}/confirm")
    for index, option in enumerate(value.get("options", [])):
        _members(option, OPTION, f"{where}/options/{index}")
        text(option.get("text"), 75, f"{where}/options/{index}/text")


def _confirm(value, where):
    _members(value, CONFIRM, where)
    for name, limit in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
        if name in value:
            text(value[name], limit, f"{where}/{name}", plain=name != "text")


def _rich(value, where, outer):
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in RICH or outer != kind.startswith("rich_text_"):
        raise Invalid(f"unsupported type: {kind} [json-pointer:{where}/type]")
    _members(value, RICH[kind], where)
    if kind == "text" and not value.get("text"):
        raise Invalid(f"must be more than 0 characters [json-pointer:{where}/text]")
    if kind == "text" and not isinstance(value.get("style", {}), dict):
        raise Invalid(f"style must be an object [json-pointer:{where}/style]")
    for index, part in enumerate(value.get("elements", [])):
        _rich(part, f"{where}/elements/{index}", kind == "rich_text_list")


VIEW = {"type", "title", "blocks", "close", "submit", "private_metadata", "callback_id",
        "clear_on_close", "notify_on_close", "external_id", "submit_disabled"}


def check_view(view, kinds=("modal",)):
    """Raises Invalid for a view that Slack would not take."""
    _members(view, VIEW, "/view")
    if view.get("type") not in kinds:
        raise Invalid(f"type must be {' or '.join(kinds)} [json-pointer:/view/type]")
    if len(json.dumps(view).encode()) > VIEW_BYTES:
        raise Invalid("view_too_large")
    check_blocks(view.get("blocks"), VIEW_BLOCKS)
    if view["type"] == "modal":
        text(view.get("title"), 24, "/view/title", plain=True)
        for name in ("submit", "close"):
            if name in view:
                text(view[name], 24, f"/view/{name}", plain=True)
        if "submit" not in view and any(b["type"] == "input" for b in view["blocks"]):
            raise Invalid("missing `submit` with input blocks [json-pointer:/view]")
    elif {"title", "submit", "close"} & set(view):
        raise Invalid("home tabs have no title, submit or close [json-pointer:/view]")
    try:
        View(**json.loads(json.dumps(view))).validate_json()
    except SlackObjectFormationError as error:
        raise Invalid(str(error)) from None


def buttons(blocks):
    """Every button in blocks, with its block."""
    found = []
    for block in blocks or []:
        parts = block.get("elements", []) if block.get("type") == "actions" else []
        if block.get("accessory"):
            parts = [block["accessory"]]
        found += [(block, part) for part in parts if part.get("type") == "button"]
    return found
