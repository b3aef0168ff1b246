-- Counts a login attempt and decides on it. Returns three values: the decision; the time in milliseconds for which it holds; 1 if the
-- address has too many successful logins of new accounts, otherwise 0.
-- KEYS: 1 the count of the account, or of the device if it is known, 2 the count of the address, 3 the account's successes, 4 the address'
-- successes of new accounts, 5 the address' throttled attempts
-- ARGV: see counts.lua, then '1' if the device is known
local VERIFY, VERIFY_UNCOUNTED, THROTTLE, LOCKED, LIMITED, BUSY = 0, 1, 2, 3, 4, 5
local is_known = ARGV[4 * #KEYS + 1] == '1'
local is_crowded = locked(4) > 0 and 1 or 0
local busy = locked(3)
if busy > 0 then
  return { BUSY, busy, is_crowded }
end
local is_locked = locked(1) > 0 or exhausted(1)
local left = locked(2)
if left > 0 then
  if is_locked or not is_known and (may_have_failed(1) or exhausted(5)) then
    return { LIMITED, left, is_crowded }
  end
  count(1)
  if is_known then
    return { VERIFY_UNCOUNTED, 0, is_crowded }
  end
  count(5)
  return { THROTTLE, 0, is_crowded }
end
count(2)
if is_locked then
  return { LOCKED, 0, is_crowded }
end
count(1)
return { VERIFY, 0, is_crowded }
