-- Counts an attempt in the commercial window before it is made. What the rules do not let go is held, or stays with
-- its sender; what no session covers goes only if `outside` says so, and then the account's month decides.
-- Answers: GO | OUT country | HOLD why | LIMIT why | FENCED
local c, ordy, olse, oown, otry, ohld, ses, led = unpack(KEYS)
local cid, tok, attempt, message, account, line = unpack(ARGV, 2, 7)
local length, max, row, hourly, expires = unpack(ARGV, 8, 12)
local max_blocks, row_blocks, replies_open, at_limit, outside, opening = unpack(ARGV, 13, 18)
length, max, row, hourly = tonumber(length), tonumber(max), tonumber(row), tonumber(hourly)
expires = tonumber(expires)
if redis.call('HGET', oown, cid) ~= tok then return {'FENCED', ''} end

local counted = redis.call('HMGET', c, 'sa', 'sk', 'co')
if counted[1] == attempt then
  if string.sub(counted[2], 1, 1) ~= 'b' then return {'GO', ''} end
  if outside == '1' then return {'OUT', counted[3] or ''} end
  -- The month has none left for it.
  uncount(c, ses, led, cid, attempt)
end

local f = redis.call('HMGET', c, 'ss', 'se', 'sn', 'sr', 'hh', 'hn', 'sx')
for i = 1, 6 do f[i] = tonumber(f[i] or '0') end
local started, ends, sent, in_row = f[1], f[2], f[3], f[4]
local hour = math.floor(now / 3600000)
local this_hour = f[5] == hour and f[6] or 0
local is_open, is_full, is_silent = now < ends, max > 0 and sent >= max, row > 0 and in_row >= row

-- What this message is: (o)pens a session, is with(in) one or of no session: (b)ot-initiated; or why it may not go,
-- and the time at which that is over by itself.
local kind, why, till = 's', '', 9e15
if expires > 0 and now >= expires then
  return {'LIMIT', 'expired'}
elseif hourly > 0 and this_hour >= hourly then
  why, till = 'hour', (hour + 1) * 3600000
elseif is_silent and row_blocks == '1' then
  why = 'row'
elseif is_silent then
  kind, why = 'b', 'row'
elseif is_open and is_full and max_blocks == '1' then
  why, till = 'max', ends
elseif is_open and is_full then
  kind, started, ends, sent = 'n', now, now + length, 0
elseif not is_open and replies_open == '1' then
  kind, started, ends, sent = 'o', now, now + length, 0
elseif not is_open then
  kind, why = 'b', 'session'
end
if kind == 'b' and outside == '1' then why = '' end

if why ~= '' then
  local is_held = at_limit == 'hold' or at_limit == 'charge'
  if f[7] ~= message then
    redis.call('HSET', c, 'sx', message, 'ac', account)
    let_expire(c)
    redis.call('HINCRBY', led, line .. (is_held and '|held' or '|stopped'), 1)
  end
  if not is_held then return {'LIMIT', why} end
  redis.call('HDEL', oown, cid)
  redis.call('ZREM', olse, cid)
  redis.call('HINCRBY', otry, cid, -1)
  redis.call('ZADD', ohld, expires > 0 and math.min(till, expires) or till, cid)
  return {'HOLD', why}
end

redis.call('HSET', c, 'sa', attempt, 'sl', line, 'ac', account, 'sr', in_row + 1, 'hh', hour, 'hn', this_hour + 1)
let_expire(c)
if kind == 'b' then
  redis.call('HSET', c, 'sk', 'b')
  redis.call('HINCRBY', led, line .. '|outside', 1)
  return {'OUT', counted[3] or ''}
end
redis.call('HINCRBY', led, line .. '|messages', 1)
if kind ~= 's' then
  local entry = line .. '|' .. opening
  redis.call('HINCRBY', led, entry, 1)
  redis.call('HSET', c, 'se', ends, 'so', entry)
  -- Not at once: the clock may be set back.
  local over = redis.call('ZRANGEBYSCORE', ses, '-inf', now - 86400000, 'LIMIT', 0, 10)
  if #over > 0 then redis.call('ZREM', ses, unpack(over)) end
  redis.call('ZADD', ses, ends, cid)
end
-- A session that begins after a full one stays open whatever becomes of its first message.
redis.call('HSET', c, 'ss', started, 'sn', sent + 1, 'sk', (kind == 'o' and 'o' or 's') .. string.format('%.0f', started))
return {'GO', ''}
