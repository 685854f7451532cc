-- Counts an attempt in the commercial window before it is made; at the limit the conversation is held until
-- the person writes. Answers: GO | HOLD | LIMIT | FENCED
local c, ordy, olse, oown, otry, ohld = unpack(KEYS)
local cid, tok, attempt = ARGV[2], ARGV[3], ARGV[4]
local length, max, row, hold = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
if redis.call('HGET', oown, cid) ~= tok then return 'FENCED' end
local f = redis.call('HMGET', c, 'ss', 'sn', 'sr', 'sa')
if f[4] == attempt then return 'GO' end
local started, sent, in_row = tonumber(f[1] or '0'), tonumber(f[2] or '0'), tonumber(f[3] or '0')
if in_row >= row then
  if hold ~= '1' then return 'LIMIT' end
  redis.call('HDEL', oown, cid)
  redis.call('ZREM', olse, cid)
  redis.call('HINCRBY', otry, cid, -1)
  redis.call('ZADD', ohld, now, cid)
  return 'HOLD'
end
if started == 0 or now >= started + length or sent >= max then started, sent = now, 0 end
redis.call('HSET', c, 'ss', started, 'sn', sent + 1, 'sr', in_row + 1, 'sa', attempt)
return 'GO'
