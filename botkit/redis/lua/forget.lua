-- Removes a conversation; without its owner entry no worker can write it back. With `since` only one of which nothing
-- was heard since then, and in which nothing waits.
-- Answers the number of keys removed, and the ids of its events; -1 if it stays.
local m, x, c, o, ts, e, tmr, rdy, lse, own, try, ordy, olse, oown, otry, ohld, ses, all = unpack(KEYS)
local cid, since = ARGV[2], tonumber(ARGV[3])
if since > 0 then
  if redis.call('EXISTS', m, o, ts, e) > 0 then return {-1, {}} end
  if redis.call('HEXISTS', own, cid) + redis.call('HEXISTS', oown, cid) > 0 then return {-1, {}} end
  -- Of a record that does not tell, the time begins now.
  redis.call('HSETNX', c, 'at', now)
  if tonumber(redis.call('HGET', c, 'at')) >= since then return {-1, {}} end
end
for _, names in ipairs({redis.call('HKEYS', ts), redis.call('HKEYS', e)}) do
  for _, name in ipairs(names) do redis.call('ZREM', tmr, cid .. '|' .. name) end
end
for _, set in ipairs({rdy, lse, ordy, olse, ohld, ses, all}) do redis.call('ZREM', set, cid) end
for _, hash in ipairs({own, try, oown, otry}) do redis.call('HDEL', hash, cid, cid .. '|u', cid .. '|b', cid .. '|l') end
local ids = redis.call('ZRANGE', x, 0, -1)
return {redis.call('DEL', m, x, c, o, ts, e), ids}
