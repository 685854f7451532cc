-- Removes a message that was sent (or that nobody needs any more), and uses up the conversation's pace if there is one.
-- Answers: OK next terms | FENCED
local o, ordy, olse, oown, otry, c = unpack(KEYS)
local cid, tok, key, lease, keep, interval, burst = unpack(ARGV, 2, 8)
if redis.call('HGET', oown, cid) ~= tok then return {'FENCED', ''} end
local first = heads(o, key)
if first then
  redis.call('LPOP', o)
  redis.call('HDEL', otry, cid, cid .. '|u', cid .. '|b')
  if interval ~= '0' then
    local used = math.max(tonumber(redis.call('HGET', c, 'pt') or '0'), now) + interval
    redis.call('HSET', c, 'pt', math.min(used, now + burst * interval))
    let_expire(c)
  end
end
local nx = go_on(o, ordy, olse, oown, otry, cid, tonumber(lease), keep, first)
return {'OK', nx, nx ~= '' and terms(c) or ''}
