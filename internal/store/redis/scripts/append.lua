-- Appends as-run entries, all together, and keeps the first of each name. Redis 7.0 and later.
-- KEYS: receipt, sequence, stations; then for each entry: entries, instants.
-- ARGV: receipt's lifetime in ms; then for each entry: sequence, at, body.
-- Returns a digit for each entry: 1 fresh, 0 repeated.
local receipt = redis.call('GET', KEYS[1])
if receipt then return receipt end -- the call came before, and only its answer was lost

if redis.call('GET', KEYS[2]) == 'restoring' then return redis.error_reply('RESTORING') end
receipt = ''
for n = 1, (#KEYS - 3) / 2 do
  local keys, args = 2 * n + 1, 3 * n - 2
  local added = redis.call('HSETNX', KEYS[keys + 1], ARGV[args + 1], ARGV[args + 2] .. ' ' .. ARGV[args + 3])
  if added == 1 then redis.call('ZADD', KEYS[keys + 2], ARGV[args + 2], ARGV[args + 1]) end
  redis.call('SADD', KEYS[3], string.match(KEYS[keys + 1], '^{[^}]*}:asrun:(.*)$'))
  receipt = receipt .. added
end
redis.call('SET', KEYS[1], receipt, 'PX', ARGV[1])
return receipt
