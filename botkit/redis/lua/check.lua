-- Looks at one conversation and tells which rules of its structure are broken. Changes nothing.
-- The arguments after the conversation are names of timers that the partition's timer set has for it.
local m, o, rdy, lse, own, try, ordy, olse, oown, otry, ohld, tmr, ts, e, c, ses = unpack(KEYS)
local cid = ARGV[2]
local broken = {}

local function queue(name, q, places, leased, own, try)
  local count, full = 0, redis.call('EXISTS', q) == 1
  for _, place in ipairs(places) do
    if redis.call('ZSCORE', place, cid) then count = count + 1 end
  end
  if full and count ~= 1 then broken[#broken + 1] = name .. ': is in ' .. count .. ' of its places, not in one' end
  if not full and count > 0 then broken[#broken + 1] = name .. ': is empty but due' end
  if (redis.call('ZSCORE', leased, cid) and 1 or 0) ~= redis.call('HEXISTS', own, cid) then
    broken[#broken + 1] = name .. ': has a lease or an owner without the other'
  end
  local tried = 0
  for _, kind in ipairs({'', '|u', '|b', '|l'}) do tried = tried + redis.call('HEXISTS', try, cid .. kind) end
  if not full and tried > 0 then
    broken[#broken + 1] = name .. ': is empty but has attempts'
  end
end
queue('mailbox', m, {rdy, lse}, lse, own, try)
queue('outbox', o, {ordy, olse, ohld}, olse, oown, otry)

local ends, listed = tonumber(redis.call('HGET', c, 'se') or '0'), tonumber(redis.call('ZSCORE', ses, cid) or '0')
if listed ~= ends and (listed > 0 or ends > now) then
  broken[#broken + 1] = 'session: is not listed with the time at which it ends'
end

for _, names in ipairs({redis.call('HKEYS', ts), redis.call('HKEYS', e)}) do
  for _, name in ipairs(names) do
    if not redis.call('ZSCORE', tmr, cid .. '|' .. name) then
      broken[#broken + 1] = 'timer ' .. name .. ': will never be due'
    end
  end
end
for i = 3, #ARGV do
  local delivers = redis.call('HEXISTS', ts, ARGV[i]) + redis.call('HEXISTS', e, ARGV[i])
  if redis.call('ZSCORE', tmr, cid .. '|' .. ARGV[i]) and delivers == 0 then
    broken[#broken + 1] = 'timer ' .. ARGV[i] .. ': has nothing to deliver'
  end
end
return broken
