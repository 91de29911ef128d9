-- Applies a commit, all or nothing. Redis 7.0 and later.
-- KEYS: sequence, feed, audit, receipt, kinds; then for each write: documents, revisions, ids, history.
-- ARGV: feed length, receipt's lifetime in ms, at, by, action, reason, request id, person, token,
--       remote address, fields of a commit without writes;
--       then for each write: id, expected revision, 'put' or 'delete', body, fields.
-- Returns 'done <first sequence> <revision of each write>…', or 'conflict <n>' or 'stale <n>' for the n-th write.
local receipt = redis.call('GET', KEYS[4])
if receipt then return receipt end -- the commit came before, and only its answer was lost

local writes = (#KEYS - 5) / 4
local revisions = {}
for n = 1, writes do
  local keys, args = 1 + 4 * n, 6 + 5 * n
  -- Positive: the revision of a living document. Negative: the last one of a deleted.
  local revision = tonumber(redis.call('HGET', KEYS[keys + 2], ARGV[args + 1]) or 0)
  local expect = tonumber(ARGV[args + 2])
  if expect == 0 and revision > 0 then return 'conflict ' .. n end
  if expect ~= math.max(revision, 0) then return 'stale ' .. n end
  revisions[n] = string.format('%.0f', math.abs(revision) + 1)
end

-- This fails, with nothing written, while a restore is under way: sequence is no number then.
local sequence = redis.call('INCRBY', KEYS[1], math.max(writes, 1)) - math.max(writes, 1)
local function record(n, kind, id, revision, deleted, fields)
  local name = string.format('%.0f-0', sequence + n)
  redis.call('XADD', KEYS[3], name, 'k', kind, 'i', id, 'r', revision, 'd', deleted,
    't', ARGV[3], 'b', ARGV[4], 'a', ARGV[5], 'w', ARGV[6], 'q', ARGV[7], 'p', ARGV[8], 'n', ARGV[9], 'f', ARGV[10], 'c', fields)
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[1], name, 'k', kind, 'i', id, 'r', revision, 'd', deleted,
    't', ARGV[3], 'b', ARGV[4], 'a', ARGV[5], 'w', ARGV[6], 'q', ARGV[7], 'p', ARGV[8], 'n', ARGV[9], 'f', ARGV[10], 'c', fields)
end
for n = 1, writes do
  local keys, args = 1 + 4 * n, 6 + 5 * n
  local id, revision, deleted = ARGV[args + 1], revisions[n], '0'
  if ARGV[args + 3] == 'delete' then
    deleted = '1'
    redis.call('HDEL', KEYS[keys + 1], id)
    redis.call('HSET', KEYS[keys + 2], id, '-' .. revision)
    redis.call('ZREM', KEYS[keys + 3], id)
  else
    redis.call('HSET', KEYS[keys + 1], id, revision .. ' ' .. ARGV[args + 4])
    redis.call('HSET', KEYS[keys + 2], id, revision)
    redis.call('ZADD', KEYS[keys + 3], 0, id)
  end
  redis.call('ZADD', KEYS[keys + 4], 0, id .. '\0' .. string.format('%020.0f', sequence + n))
  local kind = string.match(KEYS[keys + 1], '^{[^}]*}:documents:(.*)$')
  redis.call('SADD', KEYS[5], kind)
  record(n, kind, id, revision, deleted, ARGV[args + 5])
end
if writes == 0 then record(1, '', '', '0', '0', ARGV[11]) end

receipt = 'done ' .. string.format('%.0f', sequence + 1)
for n = 1, writes do receipt = receipt .. ' ' .. revisions[n] end
redis.call('SET', KEYS[4], receipt, 'PX', ARGV[2])
return receipt
