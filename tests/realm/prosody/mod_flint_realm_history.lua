-- Fills a new realm: archives of accounts and names of people on the virtual host, rooms on the conference service.
-- The history file has one JSON object a line: {"archive", "from", "to", "type", "id", "body", "at"}.
local st = require "util.stanza";
local jid = require "util.jid";
local json = require "util.json";

local is_rooms = module:get_host_type() == "component";
local archive = module:open_store(is_rooms and "muc_log" or "archive", "archive");

local function store(entry)
	local stanza = st.message({ from = entry.from, to = entry.to, type = entry.type, id = entry.id }, entry.body);
	stanza:tag("origin-id", { xmlns = "urn:xmpp:sid:0", id = entry.id }):up();
	local with;
	if is_rooms then
		with = "message<groupchat";
	else
		with = jid.bare(entry.archive == jid.bare(entry.from) and entry.to or entry.from);
	end
	assert(archive:append(jid.node(entry.archive), nil, stanza, entry.at, with));
end

local function write_cards()
	local cards = module:open_store("vcard");
	local handle = assert(io.open(module:get_option_string("flint_realm_names"), "r"));
	for user, name in pairs(assert(json.decode(handle:read("*a")))) do
		local card = st.stanza("vCard", { xmlns = "vcard-temp" }):text_tag("FN", name);
		cards:set(user, st.preserialize(card));
	end
	handle:close();
end

local function create_rooms()
	local muc = module:depends("muc");
	for room, name in pairs(module:get_option("flint_realm_rooms", {})) do
		if not muc.get_room_from_jid(room) then
			local created = muc.create_room(room);
			created:set_name(name);
			created:set_persistent(true);
			created:set_public(true);
			created:save(true);
		end
	end
end

module:hook_global("server-started", function ()
	if is_rooms then create_rooms(); end
	local marker = module:open_store("flint_realm_history", "keyval");
	if (marker:get("done") or {}).done then return; end
	for line in io.lines(module:get_option_string("flint_realm_history")) do
		store(json.decode(line));
	end
	if not is_rooms then write_cards(); end
	marker:set("done", { done = true });
	module:log("info", "history is in place");
end);
