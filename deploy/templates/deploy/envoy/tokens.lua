--- Returns the bytes that this base64url text encodes, or nil.
local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
local function decode(text)
  local bits, size, bytes = 0, 0, {}
  for letter in text:gmatch(".") do
    local at = alphabet:find(letter, 1, true)
    if not at then return nil end
    bits, size = bits * 64 + at - 1, size + 6
    if size >= 8 then
      size = size - 8
      bytes[#bytes + 1] = string.char(math.floor(bits / 2 ^ size))
      bits = bits % 2 ^ size
    end
  end
  return table.concat(bytes)
end

-- A user's token has the algorithm ES256. An escaped or repeated member could be read in two ways.
local function is_of_user(value)
  local header = #value <= 2200 and value:match("^[Bb][Ee][Aa][Rr][Ee][Rr] +([%w_-]+)%.[%w_-]+%.[%w_-]+$")
  local jose = header and decode(header)
  if not jose or jose:find("\\", 1, true) then return false end
  local _, algorithms = jose:gsub('"alg"', "")
  return algorithms == 1 and jose:find('"alg"%s*:%s*"ES256"') ~= nil
end

-- An IPv6 network of 64 bits, or one that contains it, counts as one address.
local function caller(handle)
  local address = handle:streamInfo():downstreamRemoteAddress()
  local groups = address:match("^%[(.-)%]")
  return groups and groups:gsub("::.*", ""):match("^%x*:?%x*:?%x*:?%x*") or address:match("^[^:]*")
end

-- A caller gets this many lines in the log in a minute, from each port and worker.
local MOST = 20
local minute, lines, callers = 0, {}, 0
local function count_line(handle)
  local metadata = handle:streamInfo():dynamicMetadata()
  if metadata:get("shipyard") then return end
  local now = math.floor(os.time() / 60)
  if now ~= minute or callers == 10000 then minute, lines, callers = now, {}, 0 end
  local address = caller(handle)
  if not lines[address] then callers = callers + 1 end
  lines[address] = (lines[address] or 0) + 1
  metadata:set("shipyard", "unlogged", lines[address] > MOST)
end

local LOGINS = {
  ["/api/v1/iam/login"] = true, ["/api/v1/iam/register"] = true,
  ["/auth.v1.AuthService/Login"] = true, ["/user.v1.UserService/Register"] = true,
}
-- Counts more than is logged: all that fails, too.
function envoy_on_response(handle)
  local headers = handle:headers()
  local status, code = tonumber(headers:get(":status")), headers:get("grpc-status")
  if status >= 400 or code and code ~= "0" then count_line(handle) end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  if LOGINS[headers:get(":path"):match("^[^?]*")] then count_line(handle) end
  local value = headers:get("authorization")
  if not value or is_of_user(value) then return end
  if (headers:get("content-type") or ""):find("application/grpc", 1, true) == 1 then
    handle:respond({ [":status"] = "200", ["content-type"] = "application/grpc", ["grpc-status"] = "16",
      ["grpc-message"] = "invalid token" }, "")
  else
    handle:respond({ [":status"] = "401", ["content-type"] = "application/problem+json", ["x-auth-status"] = "denied",
      ["www-authenticate"] = 'Session realm="shipyard", header="X-Session-Uuid"' },
      '{"type":"about:blank","title":"Unauthorized","status":401,"detail":"Authentication failed",' ..
      '"code":"INVALID_SESSION","message":"Authentication failed","error":"Authentication failed"}')
  end
end
