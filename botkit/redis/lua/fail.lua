-- Gives a message up: dead letter, and its MessageFailed event into the same conversation's mailbox.
-- Answers: OK next | FENCED
local o, ordy, olse, oown, otry, dead, m, x, c, rdy, own, wake, ses, led = unpack(KEYS)
local cid, tok, key, err, attempt, eid, event, lease, keep, horizon, ids = unpack(ARGV, 2, 12)
if redis.call('HGET', oown, cid) ~= tok then return {'FENCED', ''} end
local first = heads(o, key)
if first then
  redis.call('XADD', dead, '*', 'cid', cid, 'kind', 'outbox', 'entry', redis.call('LINDEX', o, 0), 'err', err)
  refund(c, ses, led, cid, attempt)
  redis.call('LPOP', o)
  redis.call('HDEL', otry, cid, cid .. '|u')
  if event ~= '' and not redis.call('ZSCORE', x, eid) then
    remember(x, eid, tonumber(horizon), tonumber(ids))
    redis.call('RPUSH', m, eid .. event)
    if redis.call('HEXISTS', own, cid) == 0 then
      redis.call('ZADD', rdy, 'NX', now, cid)
      if redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, '1') end
    end
  end
end
return {'OK', go_on(o, ordy, olse, oown, otry, cid, tonumber(lease), keep, first)}
