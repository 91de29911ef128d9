-- Gives a lease to a holder unless another has it, for no longer than a lease can last. Redis 7.0 and later.
-- KEYS: lease. ARGV: holder, lifetime in ms, the longest lifetime in ms. Returns 1 when the holder has it.
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then
  local left = redis.pcall('PTTL', KEYS[1]) -- a table: the user may not ask; negative: it would never end
  if type(left) == 'table' or left >= 0 and left <= tonumber(ARGV[3]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
