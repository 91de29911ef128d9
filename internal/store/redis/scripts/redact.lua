-- Replaces the texts of changes and the bodies of as-run entries. Redis 7.0 and later.
-- A stream cannot change a message, so each stream is written anew under another name, which then replaces it.
-- KEYS: audit, feed, redacted; then for each entry: its station's asrun.
-- ARGV: number of changes; then for each change: sequence, by, action, reason, request id, person, token, remote
--       address, fields; then for each entry: sequence, body.
local count, replaced = tonumber(ARGV[1]), {}
for n = 1, count do
  local at = 9 * n - 7
  replaced[ARGV[at] .. '-0'] = {b = ARGV[at + 1], a = ARGV[at + 2], w = ARGV[at + 3], q = ARGV[at + 4],
    p = ARGV[at + 5], n = ARGV[at + 6], f = ARGV[at + 7], c = ARGV[at + 8]}
end
local function rewrite(stream)
  redis.call('DEL', KEYS[3])
  local from = '-'
  while true do
    local messages = redis.call('XRANGE', stream, from, '+', 'COUNT', 1000)
    if #messages == 0 then break end
    for _, message in ipairs(messages) do
      local fields, new = message[2], replaced[message[1]]
      if new then
        for at = 1, #fields, 2 do fields[at + 1] = new[fields[at]] or fields[at + 1] end
      end
      redis.call('XADD', KEYS[3], message[1], unpack(fields))
      from = '(' .. message[1]
    end
  end
  if from ~= '-' then redis.call('RENAME', KEYS[3], stream) end
end
if count > 0 then
  rewrite(KEYS[1])
  rewrite(KEYS[2])
end
for n = 4, #KEYS do
  local at = 9 * count + 2 * (n - 3)
  local held = redis.call('HGET', KEYS[n], ARGV[at])
  if held then
    redis.call('HSET', KEYS[n], ARGV[at], string.match(held, '^[^ ]* ') .. ARGV[at + 1])
  end
end
return '1'
