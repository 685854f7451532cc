local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(ARGV[1])

-- Takes a conversation's queue: from here on `tok` holds it, and the attempt counts whatever becomes of it.
local function take(rdy, lse, own, try, cid, tok, lease)
  redis.call('ZREM', rdy, cid)
  redis.call('HSET', own, cid, tok)
  redis.call('ZADD', lse, now + lease, cid)
  return redis.call('HINCRBY', try, cid, 1)
end

-- Gives it back: due at `at` if it has more.
local function give(has_more, rdy, lse, own, cid, at)
  redis.call('HDEL', own, cid)
  redis.call('ZREM', lse, cid)
  if has_more then redis.call('ZADD', rdy, 'NX', at, cid) end
end

-- Tells whether an entry, if there is one, has this id; entries are the id followed by the payload.
local function begins(entry, id)
  return string.sub(entry or '', 1, #id) == id
end

-- Tells whether `id` is the head of a queue.
local function heads(q, id)
  return begins(redis.call('LINDEX', q, 0), id)
end

-- Remembers an id. The newest 64 stay whatever the clock says; never more than `ids`.
-- Behind the milliseconds of its arrival, `mark` (below 1) stands for what came with it: within one, order is chance.
local function remember(x, id, horizon, ids, mark)
  local size = redis.call('ZCARD', x)
  local old = size > 64 and math.min(redis.call('ZCOUNT', x, '-inf', now - horizon), size - 64) or 0
  old = math.max(old, size + 1 - ids)
  if old > 0 then redis.call('ZREMRANGEBYRANK', x, 0, old - 1) end
  redis.call('ZADD', x, now + (mark or 0), id)
  redis.call('PEXPIRE', x, 2 * horizon)
end

-- Keeps a queue for its holder's next entry, or gives it back. `first` is false when a call is only told again.
local function go_on(q, rdy, lse, own, try, cid, lease, keep, first)
  local nx = redis.call('LINDEX', q, 0)
  if nx and keep == '1' then
    redis.call('ZADD', lse, now + lease, cid)
    if first then redis.call('HINCRBY', try, cid, 1) end
    return nx
  end
  give(nx, rdy, lse, own, cid, now)
  return ''
end

-- Ends a conversation's session.
local function close(c, ses, cid)
  redis.call('HDEL', c, 'ss', 'se', 'sn')
  redis.call('ZREM', ses, cid)
end

-- Takes back what `count` counted for this attempt, once; answers the line of the ledger where it was booked.
local function uncount(c, ses, led, cid, attempt)
  local f = redis.call('HMGET', c, 'sa', 'sk', 'ss', 'sn', 'sr', 'hn', 'sl', 'so')
  if attempt == '' or f[1] ~= attempt then return nil end
  redis.call('HDEL', c, 'sa')
  if tonumber(f[5] or '0') > 0 then redis.call('HINCRBY', c, 'sr', -1) end
  if tonumber(f[6] or '0') > 0 then redis.call('HINCRBY', c, 'hn', -1) end
  local kind, started = string.match(f[2], '^(%a)(%d*)$')
  redis.call('HINCRBY', led, f[7] .. (kind == 'b' and '|outside' or '|messages'), -1)
  -- The session may be another one by now: the person wrote meanwhile.
  if kind == 'o' and f[3] == started then
    close(c, ses, cid)
    redis.call('HINCRBY', led, f[8], -1)
  elseif kind == 's' and f[3] == started and tonumber(f[4] or '0') > 0 then
    redis.call('HINCRBY', c, 'sn', -1)
  end
  return f[7]
end

-- Takes an attempt back: the service is known not to have it.
local function refund(c, ses, led, cid, attempt)
  local line = uncount(c, ses, led, cid, attempt)
  if line then redis.call('HINCRBY', led, line .. '|refunded', 1) end
end

-- Puts an event of our own into the mailbox, for whoever comes next.
local function post(m, rdy, own, wake, cid, entry)
  redis.call('RPUSH', m, entry)
  if redis.call('HEXISTS', own, cid) == 1 then return end
  redis.call('ZADD', rdy, 'NX', now, cid)
  if redis.call('LLEN', wake) == 0 then redis.call('RPUSH', wake, '1') end
end

-- Notes how far a message has come, if it is further than before; nothing is further than these three ends, but that
-- one which had failed arrived after all.
local FAR = {committed = 0, sent = 1, delivered = 2, seen = 3, failed = 3, expired = 3}
local function advance(d, status, keep)
  local was = redis.call('HGET', d, 'st')
  local arrived = was == 'failed' and (status == 'delivered' or status == 'seen')
  if was and not arrived and FAR[status] <= FAR[was] then return false end
  -- On one of several devices it did arrive.
  if was == 'delivered' and status ~= 'seen' then return false end
  redis.call('HSET', d, 'st', status, status, now)
  redis.call('PEXPIRE', d, keep)
  return true
end

-- What is kept of a stranger, who was written to and never heard of, ends 32 days after the last message; a state that a
-- handler gave them stays.
local function let_expire(c)
  local f = redis.call('HMGET', c, 'at', 's')
  if not f[1] and not f[2] then redis.call('PEXPIRE', c, 2764800000) end
end

-- For how many milliseconds an account is still to rest; a rest that has not begun comes from a clock that was set back.
local function resting(key)
  local till, from = string.match(redis.call('GET', key) or '0', '^(%d+) ?(%d*)$')
  if (tonumber(from) or 0) > now then return 0 end
  return math.max(0, tonumber(till) - now)
end

-- What a sender must know of a conversation: until when its pace is used up, and why nobody can be written to.
local function terms(c)
  return redis.call('HMGET', c, 'pt', 'g')
end

-- The record as the caller reads it.
local function record(c, o)
  local f = redis.call('HMGET', c, 's', 'v', 'ss', 'sn', 'sr', 'se', 'hh', 'hn')
  f[9] = redis.call('LLEN', o)
  return f
end
