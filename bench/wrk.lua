-- Gives every request an event of its own: the mark in a line becomes the next number.
-- Arguments: the file with the events, the mark, the first number, the secret.

local bodies, number, headers = {}, 0, {}

function init(arguments)
  local mark = arguments[2]
  for line in io.lines(arguments[1]) do
    local pieces, from = {}, 1
    while true do
      local first, last = line:find(mark, from, true)
      pieces[#pieces + 1] = line:sub(from, (first or 0) - 1)
      if not first then break end
      from = last + 1
    end
    bodies[#bodies + 1] = pieces
  end
  number = tonumber(arguments[3])
  headers["Content-Type"] = "application/json"
  headers["X-Misskey-Hook-Secret"] = arguments[4]
end

function request()
  local pieces = bodies[number % #bodies + 1]
  local body = table.concat(pieces, string.format("%012d", number))
  number = number + 1
  return wrk.format("POST", nil, headers, body)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"answered": %d, "seconds": %.6f, "failed": %d, "p50": %.3f, "p99": %.3f, "longest": %.3f}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end
