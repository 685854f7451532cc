-- Gives a queue back with its head in place. `max` 0 takes the attempt back; at `max` attempts the head is dead.
-- `repeats`, if given, bounds how often a message of unknown outcome is sent again.
-- Answers: WAIT | DEAD | SPENT | FENCED
local q, rdy, lse, own, try, dead, c, ses, led = unpack(KEYS)
local cid, tok, id, delay, max, err, attempt, repeats, kind = unpack(ARGV, 2, 10)
if redis.call('HGET', own, cid) ~= tok then return 'FENCED' end
if repeats ~= '' and redis.call('HINCRBY', try, cid .. '|u', 1) > tonumber(repeats) then return 'SPENT' end
refund(c, ses, led, cid, attempt)
-- Known not to have arrived, it may be sent as if for the first time, unless an earlier attempt may have arrived.
if attempt ~= '' and redis.call('HGET', try, cid .. '|b') == attempt then redis.call('HDEL', try, cid .. '|b') end
-- It did not end its process.
if max ~= '' and max ~= '0' then redis.call('HDEL', try, cid .. '|l') end
if max == '0' then
  redis.call('HINCRBY', try, cid, -1)
elseif max ~= '' and heads(q, id) and tonumber(redis.call('HGET', try, cid) or '0') >= tonumber(max) then
  redis.call('XADD', dead, '*', 'cid', cid, 'kind', kind, 'entry', redis.call('LINDEX', q, 0), 'err', err)
  redis.call('LPOP', q)
  redis.call('HDEL', try, cid, cid .. '|u', cid .. '|b')
  give(redis.call('EXISTS', q) == 1, rdy, lse, own, cid, now)
  return 'DEAD'
end
give(redis.call('EXISTS', q) == 1, rdy, lse, own, cid, now + tonumber(delay))
return 'WAIT'
