-- Removes a conversation; without its owner entry no worker can write it back.
-- Answers the number of keys removed, and the ids of its events.
local m, x, c, o, ts, e, tmr, rdy, lse, own, try, ordy, olse, oown, otry, ohld, ses, all = unpack(KEYS)
local cid = ARGV[2]
for _, names in ipairs({redis.call('HKEYS', ts), redis.call('HKEYS', e)}) do
  for _, name in ipairs(names) do redis.call('ZREM', tmr, cid .. '|' .. name) end
end
for _, set in ipairs({rdy, lse, ordy, olse, ohld, ses, all}) do redis.call('ZREM', set, cid) end
for _, hash in ipairs({own, try, oown, otry}) do redis.call('HDEL', hash, cid, cid .. '|u', cid .. '|b', cid .. '|l') end
local ids = redis.call('ZRANGE', x, 0, -1)
return {redis.call('DEL', m, x, c, o, ts, e), ids}
