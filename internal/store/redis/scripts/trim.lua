-- Lets go of overtaken changes. Redis 7.0 and later.
-- KEYS: trimmed, retired, feed, audit; then for each change: its kind's history.
-- ARGV: through; then for each change: sequence, id; an empty id for one without a document.
local through = math.max(tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[1]) or 0))
redis.call('SET', KEYS[1], string.format('%.0f', through))
redis.call('INCRBY', KEYS[2], 1)
redis.call('XTRIM', KEYS[3], 'MINID', string.format('%.0f-0', through + 1))
for n = 1, #KEYS - 4 do
  local sequence, id, history = ARGV[2 * n], ARGV[2 * n + 1], KEYS[n + 4]
  local name = id .. '\0' .. string.format('%020.0f', tonumber(sequence))
  if id == '' then
    redis.call('XDEL', KEYS[4], sequence .. '-0')
  elseif #redis.call('ZRANGEBYLEX', history, '(' .. name, '(' .. id .. '\1', 'LIMIT', 0, 1) > 0 then
    redis.call('XDEL', KEYS[4], sequence .. '-0')
    redis.call('ZREM', history, name)
  end
end
return '1'
