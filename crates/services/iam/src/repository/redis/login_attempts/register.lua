-- Counts a registration. Returns for how many more milliseconds the address is refused, or 0.
-- KEYS: 1 the count of the address
local left = locked(1)
if left == 0 then
  count(1)
end
return left
