-- Gives a message up: dead letter if it is one, and its MessageFailed event into the same conversation's mailbox.
-- With `gone` nothing more is sent to the person until they return.
-- Answers: OK next terms | FENCED
local o, ordy, olse, oown, otry, dead, m, x, c, rdy, own, wake, ses, led, d = unpack(KEYS)
local cid, tok, key, err, attempt, eid, event, lease, keep, horizon, ids, is_dead, gone, life, status = unpack(ARGV, 2, 16)
if redis.call('HGET', oown, cid) ~= tok then return {'FENCED', ''} end
local first = heads(o, key)
if first then
  if is_dead == '1' then
    redis.call('XADD', dead, '*', 'cid', cid, 'kind', 'outbox', 'entry', redis.call('LINDEX', o, 0), 'err', err)
  end
  if gone ~= '' then
    redis.call('HSET', c, 'g', gone)
    let_expire(c)
  end
  refund(c, ses, led, cid, attempt)
  -- Its own event tells it, and so is news; of one way among several the message's home has the record.
  if status ~= '' and advance(d, status, life) then redis.call('HSET', d, 'ev', eid) end
  redis.call('LPOP', o)
  redis.call('HDEL', otry, cid, cid .. '|u', cid .. '|b')
  if event ~= '' and not redis.call('ZSCORE', x, eid) then
    remember(x, eid, tonumber(horizon), tonumber(ids))
    post(m, rdy, own, wake, cid, eid .. event)
  end
end
local nx = go_on(o, ordy, olse, oown, otry, cid, tonumber(lease), keep, first)
return {'OK', nx, nx ~= '' and terms(c) or ''}
