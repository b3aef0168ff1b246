-- A function that ends the first entries of a sorted set that has more than `limit`: it removes them from the set, and deletes their keys,
-- which are `prefix` and the entry. It keeps the entry `new`. scripts.rs says which scripts begin with this file.
local function end_surplus(set, new, limit, prefix)
  local entries = redis.call('zrange', set, 0, -1)
  local surplus = #entries - limit
  for _, entry in ipairs(entries) do
    if surplus <= 0 then
      break
    end
    if entry ~= new then
      redis.call('del', prefix .. entry)
      redis.call('zrem', set, entry)
      surplus = surplus - 1
    end
  end
end
