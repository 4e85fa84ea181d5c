-- Ticket and password on one host: GSSAPI through Cyrus SASL (mod_auth_cyrus' own wrapper) beside SCRAM over the
-- realm's password file. For the test realm only: it keeps passwords in the clear.
local new_sasl = require "util.sasl".new;
local json = require "util.json";

local service = module:get_option_string("cyrus_service_name", "xmpp");
local fqdn = module:get_option_string("cyrus_server_fqdn", module.host);
local file = module:get_option_string("flint_realm_passwords");

local passwords = {};
do
	local handle = assert(io.open(file, "r"));
	passwords = assert(json.decode(handle:read("*a")));
	handle:close();
end

if prosody.unlock_globals then prosody.unlock_globals(); end
package.path = "/usr/lib/prosody/modules/mod_auth_cyrus/?.lua;" .. package.path;
local new_cyrus = require "sasl_cyrus".new;
if prosody.lock_globals then prosody.lock_globals(); end

local profile = {
	plain = function (_, username)
		local password = passwords[username];
		if password then return password, true; end
	end;
};

-- One SASL exchange; which library answers is decided when the mechanism is known.
local exchange = {};
exchange.__index = exchange;

local function new_exchange()
	return setmetatable({
		profile = profile;
		native = new_sasl(module.host, profile);
		ticket = new_cyrus(module.host, service, "prosody", fqdn);
	}, exchange);
end

function exchange:mechanisms()
	local offered = {};
	for name in pairs(self.native:mechanisms()) do
		if name:find("^SCRAM") then offered[name] = true; end
	end
	if self.ticket and self.ticket:mechanisms().GSSAPI then offered.GSSAPI = true; end
	return offered;
end

function exchange:clean_clone()
	local clone = new_exchange();
	for name, handler in pairs(self.bindings or {}) do clone:add_cb_handler(name, handler); end
	return clone;
end

function exchange:add_cb_handler(name, handler)
	self.bindings = self.bindings or {};
	self.bindings[name] = handler;
	return self.native:add_cb_handler(name, handler);
end

function exchange:select(mechanism)
	self.selected = mechanism;
	self.active = mechanism == "GSSAPI" and self.ticket or self.native;
	return self.active:select(mechanism);
end

function exchange:process(message)
	local status, result, text = self.active:process(message);
	self.username = self.active.username;
	if status == "failure" and result == "undefined-condition" then
		result = "not-authorized"; -- Cyrus has no finer word for a bad ticket.
	end
	return status, result, text;
end

module:provides("auth", {
	user_exists = function (username) return passwords[username] ~= nil; end;
	test_password = function (username, password)
		if passwords[username] == password then return true; end
		return nil, "wrong password";
	end;
	get_sasl_handler = new_exchange;
	users = function () return pairs(passwords); end;
	set_password = function () return nil, "the realm's passwords are fixed"; end;
	create_user = function () return nil, "the realm's people are fixed"; end;
	delete_user = function () return nil, "the realm's people are fixed"; end;
});
