-- Counts an attempt to log in and decides on it: 0 to verify the password; -1 if the account is locked; otherwise for how many more
-- milliseconds the address is refused.
-- KEYS: 1 the count of the account, 2 the count of the address
local left = locked(2)
if left > 0 then
  return left
end
count(2)
if locked(1) > 0 then
  return -1
end
count(1)
return 0
