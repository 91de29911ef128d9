-- Gives a lease to a holder unless another has it. Redis 7.0 and later.
-- KEYS: lease. ARGV: holder, lifetime in ms. Returns 1 when the holder has it.
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
