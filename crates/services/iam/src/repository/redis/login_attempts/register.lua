-- Counts a registration. Returns 0, or the remaining time in milliseconds for which the address is refused.
-- KEYS: 1 the count of the address, 2 its count with a longer window
-- ARGV: see counts.lua
local left = math.max(locked(1), locked(2))
if left == 0 then
  count(1)
  count(2)
end
return left
