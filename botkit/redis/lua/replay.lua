-- Puts a dead letter back into the queue that it was taken from, once: behind all else, or before it.
-- Answers: OK | GONE | HELD | FULL
local dead, q, rdy, own, try, ohld, wake = unpack(KEYS)
local cid, id, first, depth = unpack(ARGV, 2, 5)
local found = redis.call('XRANGE', dead, id, id)[1]
if not found then return 'GONE' end
local entry
for i = 1, #found[2], 2 do
  if found[2][i] == 'entry' then entry = found[2][i + 1] end
end
-- Whoever works on the head has a right to it.
if first == '1' and redis.call('HEXISTS', own, cid) == 1 then return 'HELD' end
if redis.call('LLEN', q) >= tonumber(depth) then return 'FULL' end

redis.call('XDEL', dead, id)
if first == '1' then
  redis.call('LPUSH', q, entry)
  -- They are those of the entry behind it.
  redis.call('HDEL', try, cid, cid .. '|u', cid .. '|b', cid .. '|l')
else
  redis.call('RPUSH', q, entry)
end
if redis.call('HEXISTS', own, cid) == 0 and not redis.call('ZSCORE', ohld, cid) then
  if first == '1' then redis.call('ZADD', rdy, now, cid) else redis.call('ZADD', rdy, 'NX', now, cid) end
  if redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, '1') end
end
return 'OK'
