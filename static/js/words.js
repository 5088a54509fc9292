// Times in words, the same words that app/pages/words.py writes on the server.

const PARTS = new Intl.DateTimeFormat("en-GB", {
  weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
});
const MINUTE = 60, HOUR = 3600, DAY = 86400; // seconds

/** "3 h 12 min", "9 min", "40 s": how long, never more than two units, and to the nearest minute from ten minutes on. */
export function duration(seconds) {
  const s = seconds >= 10 * MINUTE ? Math.round(seconds / MINUTE) * MINUTE : Math.max(0, Math.floor(seconds));
  if (s < MINUTE) return `${s} s`;
  if (s < HOUR) return `${Math.floor(s / MINUTE)} min`;
  if (s < DAY) return two(Math.floor(s / HOUR), "h", Math.floor((s % HOUR) / MINUTE), "min");
  const days = Math.floor(s / DAY);
  return days < 14 ? two(days, days === 1 ? "day" : "days", Math.floor((s % DAY) / HOUR), "h") : `${days} days`;
}

/** "just now", "12 min ago", "in 3 h 12 min", and beyond two weeks the date. */
export function relative(date, now) {
  const seconds = (date - now) / 1000;
  if (Math.abs(seconds) >= 14 * DAY) return day(date);
  if (seconds <= 0) return seconds > -MINUTE ? "just now" : `${longest(-seconds)} ago`;
  return `in ${duration(seconds)}`;
}

/** The moment in full, in the reader's own time zone. */
export function exact(date) {
  const part = Object.fromEntries(PARTS.formatToParts(date).map(({ type, value }) => [type, value]));
  return `${part.weekday} ${part.day} ${part.month} ${part.year}, ${part.hour}:${part.minute} ${part.timeZoneName}`;
}

function day(date) {
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

function longest(seconds) {
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`;
  const days = Math.floor(seconds / DAY);
  return `${days} ${days === 1 ? "day" : "days"}`;
}

function two(big, bigUnit, small, smallUnit) {
  return small ? `${big} ${bigUnit} ${small} ${smallUnit}` : `${big} ${bigUnit}`;
}
