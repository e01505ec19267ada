-- Count one payment attempt, once.
-- KEYS: 1 mark of the report, 2 mark of the try (card, basket, paid or not), 3 the shop's attempts, 4 the shop's surge,
--       5 the merchant's subjects with declines, 6.. the subjects
-- ARGV: 1 now, 2 when it happened, 3 hash of the card, 4 hash of the basket, 5 bits, 6.. the subjects' names in KEYS[5]
-- Answer: 1 when it was counted, 0 when the report came before; until when a surge is held, 0 for none.
local now, at = tonumber(ARGV[1]), tonumber(ARGV[2])
local card, basket, bits = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local day, hold = 86400, 900
local most, size = 128, 13                     -- tries kept of a subject, bytes of one
local minutes, hours = 60, 168                 -- what is kept of a shop
local usual, weight = 0.15, 40                 -- declines of a shop nobody knows yet, and how many attempts that is worth
local least, deviations, share = 10, 4, 20     -- a surge: this many declines, this far beyond chance, this many per cent
local of_one = 3                               -- so many declines an hour of one connection belong to a surge: no visitor makes one alone

local function held_until()
  local stored = redis.call('GET', KEYS[4])
  if not stored or #stored ~= 12 then return 0, 0 end
  local since, till = struct.unpack('<I4I4I4', stored)
  if till > now then return till, since end
  return 0, 0
end

if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', 2 * day) then return { 0, (held_until()) } end

-- The subjects: the last tries of each, no try twice.
local alone = false
for place = 6, #KEYS do
  local stored = redis.call('GET', KEYS[place]) or ''
  local kept, known = {}, false
  for from = 1, #stored - size + 1, size do
    local t, c, b, k = struct.unpack('<I4I4I4B', stored, from)
    if t > now - day then
      if c == card and b == basket and k == bits then
        known = true
        t = math.max(t, at)
      end
      kept[#kept + 1] = { t, c, b, k }
    end
  end
  if not known then kept[#kept + 1] = { at, card, basket, bits } end
  table.sort(kept, function(one, other) return one[1] < other[1] end)
  if #kept > most then table.remove(kept, 1) end
  local packed, declines, lately = {}, 0, 0
  for i = 1, #kept do
    packed[i] = struct.pack('<I4I4I4B', unpack(kept[i]))
    if kept[i][4] % 2 == 0 then
      declines = declines + 1
      if kept[i][1] > now - 3600 then lately = lately + 1 end
    end
  end
  redis.call('SET', KEYS[place], table.concat(packed), 'EX', day + 3600)
  if lately > of_one and string.sub(ARGV[place], 1, 3) == 'ip:' then alone = true end
  if declines > 0 then redis.call('ZADD', KEYS[5], declines, ARGV[place]) end
end
if #KEYS > 5 then
  redis.call('ZREMRANGEBYRANK', KEYS[5], 0, -201)
  redis.call('EXPIRE', KEYS[5], day + 3600)
end

-- The shop: attempts and declines by minute for an hour, by hour for a week. The same try counts once a day.
local till, since = held_until()
if not redis.call('SET', KEYS[2], '1', 'NX', 'EX', day) then return { 1, till } end
if alone and bits % 2 == 0 then return { 1, till } end
local numbers = 2 + 2 * (minutes + hours)
local form = '<' .. string.rep('I4', numbers)
local state = {}
local stored = redis.call('GET', KEYS[3])
if stored and #stored == 4 * numbers then
  state = { struct.unpack(form, stored) }
else
  for i = 1, numbers do state[i] = 0 end
end
local rings = {
  { last = 1, base = 2, length = minutes, unit = 60 },
  { last = 2, base = 2 + 2 * minutes, length = hours, unit = 3600 },
}
local declined = (bits % 2 == 0) and 1 or 0
for number, ring in ipairs(rings) do
  local current = math.max(math.floor(now / ring.unit), state[ring.last])
  for slot = math.max(state[ring.last] + 1, current - ring.length + 1), current do
    local place = ring.base + 2 * (slot % ring.length)
    state[place + 1], state[place + 2] = 0, 0
  end
  state[ring.last] = current
  local slot = math.floor(at / ring.unit)
  -- What comes in while a surge is held is not what is usual.
  if slot > current - ring.length and slot <= current and (number == 1 or till == 0) then
    local place = ring.base + 2 * (slot % ring.length)
    state[place + 1] = math.min(state[place + 1] + 1, 4000000000)
    state[place + 2] = math.min(state[place + 2] + declined, 4000000000)
  end
end
redis.call('SET', KEYS[3], struct.pack(form, unpack(state, 1, numbers)), 'EX', 8 * day)
if declined == 0 then return { 1, till } end

local function sums(ring, from, to)
  local tries, declines = 0, 0
  for slot = from, to do
    local place = ring.base + 2 * (slot % ring.length)
    tries, declines = tries + state[place + 1], declines + state[place + 2]
  end
  return tries, declines
end

local hour, minute = state[2], state[1]
local tries, declines = sums(rings[2], hour - hours + 1, hour - 1)
local rate = math.min(math.max((declines + usual * weight) / (tries + weight), 0.05), 0.5)
local percent = 0
for _, length in ipairs({ 10, 60 }) do
  local n, d = sums(rings[1], minute - length + 1, minute)
  local beyond = d - rate * n
  if d >= least and beyond >= deviations * math.sqrt(rate * (1 - rate) * n) then
    percent = math.max(percent, math.floor(100 * beyond / n))
  end
end
if percent < share then return { 1, till } end
if till == 0 then since = now end
redis.call('SET', KEYS[4], struct.pack('<I4I4I4', since, now + hold, percent), 'EX', hold)
return { 1, now + hold }
