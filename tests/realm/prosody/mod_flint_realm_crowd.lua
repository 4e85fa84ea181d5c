-- A big roster for measurements: Ann sees this many invented colleagues, every fifth of them online. They have no
-- account, so presence for them ends here.
local st = require "util.stanza";
local jid = require "util.jid";

local count = module:get_option_number("flint_realm_crowd", 0);
if count == 0 then return; end

local per_group = 40;

local function name(index) return ("crowd%05d"):format(index); end

module:hook("roster-load", function (event)
	if event.username ~= "ann" then return; end
	for index = 1, count do
		event.roster[name(index) .. "@" .. module.host] = {
			name = "Colleague " .. index;
			subscription = "both";
			persist = false;
			groups = { ["Department " .. math.ceil(index / per_group)] = true };
		};
	end
end);

module:hook("presence/bare", function (event)
	local stanza = event.stanza;
	local user = jid.node(stanza.attr.to);
	local index = user and tonumber(user:match("^crowd(%d+)$"));
	if not index then return; end
	if stanza.attr.type == "probe" and index % 5 == 0 then
		module:send(st.presence({ from = stanza.attr.to .. "/desk", to = stanza.attr.from }));
	end
	return true;
end, 1000);
