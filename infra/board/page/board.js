'use strict';
// Draws what the server sends. Text comes into the page as text nodes only, so nothing in a table is ever markup.
const $ = (id) => document.getElementById(id);
const make = (tag, className, ...children) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
};
const words = { confirmed: 'Confirmed', tentative: 'Tentative: the room has not decided', pending: 'Waiting for the room' };

let chosen = new URLSearchParams(location.search).get('date'); // null: today, also after midnight
let day = null;
let health = null;
let hours = [8, 18];
let events = null;

function connect() {
  events?.close();
  events = new EventSource('/events' + (chosen ? '?date=' + encodeURIComponent(chosen) : ''));
  const live = (on) => {
    $('live').textContent = on ? 'live' : 'connecting';
    $('live').classList.toggle('on', on);
  };
  live(false);
  events.onopen = () => live(true);
  events.onerror = () => {
    live(false);
    // The browser tries again by itself unless the answer was no stream at all.
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  };
  events.addEventListener('day', (event) => {
    day = JSON.parse(event.data);
    drawDay();
  });
  events.addEventListener('row', (event) => replaceRow(JSON.parse(event.data)));
  events.addEventListener('health', (event) => {
    health = JSON.parse(event.data);
    drawHealth();
    drawNow();
    if (!chosen && day && day.date !== health.today) connect();
  });
}

function go(date) {
  chosen = date;
  history.replaceState(null, '', date ? '?date=' + date : location.pathname);
  connect();
}

function step(days) {
  if (!day) return;
  const date = new Date(day.date + 'T00:00:00Z');
  date.setUTCDate(date.getUTCDate() + days);
  go(date.toISOString().slice(0, 10));
}

// The hours on the page: working hours, and more where there are bookings.
function reach() {
  let [from, to] = [8 * 60, 18 * 60];
  for (const building of day.buildings) for (const room of building.rooms) for (const bar of room.bars) {
    if (bar.allDay || bar.to - bar.from >= 1440) continue;
    from = Math.min(from, bar.from);
    to = Math.max(to, bar.to);
  }
  return [Math.floor(from / 60), Math.ceil(to / 60)];
}

const place = (minutes) => (100 * Math.min(Math.max(minutes / 60 - hours[0], 0), hours[1] - hours[0])) / (hours[1] - hours[0]);

function drawDay() {
  hours = reach();
  document.documentElement.style.setProperty('--hours', hours[1] - hours[0]);
  $('date').value = day.date;
  $('weekday').textContent = new Date(day.date + 'T00:00:00Z').toLocaleDateString('en-GB', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
  const main = $('day');
  main.replaceChildren(...day.buildings.map(drawBuilding));
  if (!day.buildings.length) main.append(make('p', 'empty', 'No rooms yet. They appear as soon as the directory has been read.'));
  filter();
  drawNow();
  fit();
}

function drawBuilding(building) {
  const zones = [...new Set(building.rooms.map((room) => room.zone))];
  const title = make('h3', '', building.name || (day.buildings.length > 1 ? 'Other rooms' : 'Rooms'));
  title.append(make('small', '', `${building.rooms.length} ${building.rooms.length === 1 ? 'room' : 'rooms'} · ${zones.join(', ')}`));
  const scale = make('div');
  const total = hours[1] - hours[0];
  const every = innerWidth <= 640 ? Math.ceil(total / 6) : total > 16 ? 2 : 1;
  for (let hour = hours[0]; hour <= hours[1]; hour += every) {
    const label = make('span', '', String(hour).padStart(2, '0'));
    label.style.left = place(hour * 60) + '%';
    scale.append(label);
  }
  const section = make('section', 'building', title, make('div', 'hours', scale), ...building.rooms.map((room) => drawRow(room)));
  section.dataset.name = building.name.toLowerCase();
  return section;
}

function drawRow(room, before) {
  const name = make('div', 'room', make('b', '', room.name));
  name.title = room.name;
  if (room.trouble) {
    const ill = make('small', room.trouble.passes ? 'ill passes' : 'ill', room.trouble.why);
    ill.title = room.trouble.remedy;
    name.append(ill);
  } else if (room.about) name.append(make('small', '', room.about));
  const track = make('div', 'track');
  track.style.setProperty('--lanes', room.lanes);
  for (const bar of room.bars) track.append(drawBar(room, bar, before && !before.has(print(bar))));
  const row = make('div', 'row' + (room.trouble ? (room.trouble.passes ? ' passes' : ' stale') : ''), name, track);
  row.dataset.key = room.key;
  row.dataset.zone = room.zone;
  row.dataset.find = room.name.toLowerCase();
  return row;
}

const print = (bar) => [bar.id, bar.from, bar.to, bar.standing, bar.title].join('\u0000');

function drawBar(room, bar, isNew) {
  const element = make('button', ['bar', bar.standing, bar.isPrivate && 'private', bar.from === 0 && !bar.allDay && 'before', bar.to === 1440 && !bar.allDay && 'after', isNew && 'fresh'].filter(Boolean).join(' '), make('span', '', bar.title));
  const [left, right] = [place(bar.from), place(bar.to)];
  element.style.left = left + '%';
  element.style.width = `calc(${right - left}% - 1px)`;
  element.style.top = `calc(6px + ${bar.lane} * var(--lane))`;
  element.title = `${bar.title}\n${bar.when}\n${words[bar.standing]}`;
  element.setAttribute('aria-label', `${room.name}: ${bar.title}, ${bar.when}, ${words[bar.standing]}`);
  element.dataset.id = bar.id;
  element.onclick = () => showDetail(room, bar);
  return element;
}

function showDetail(room, bar) {
  const [title, text, notes] = $('detail').children;
  title.textContent = bar.title;
  text.textContent = `${room.name} · ${bar.when}`;
  notes.replaceChildren(...[words[bar.standing], ...bar.notes].map((note) => make('li', '', note)));
  $('detail').showModal();
}

function replaceRow(room) {
  if (!day) return;
  for (const building of day.buildings) {
    const at = building.rooms.findIndex((known) => known.key === room.key);
    if (at < 0) continue;
    const before = new Set(building.rooms[at].bars.map(print));
    building.rooms[at] = room;
    if (String(reach()) !== String(hours)) return drawDay();
    const old = [...document.querySelectorAll('.row')].find((row) => row.dataset.key === room.key);
    const row = drawRow(room, before);
    row.hidden = old.hidden;
    old.replaceWith(row);
    drawNow();
    fit(row);
  }
}

// A bar too narrow for a readable word shows none; a title that is cut off fades out.
function fit(within = document) {
  for (const bar of within.querySelectorAll('.bar')) {
    const title = bar.firstElementChild;
    bar.classList.toggle('narrow', bar.clientWidth < 28);
    bar.classList.toggle('cut', title.scrollWidth > title.clientWidth);
  }
}

function drawNow() {
  for (const line of document.querySelectorAll('.now')) line.remove();
  if (!health || !day) return;
  for (const row of document.querySelectorAll('.row')) {
    const clock = health.clocks[row.dataset.zone];
    if (!clock || clock.date !== day.date || clock.minutes < hours[0] * 60 || clock.minutes > hours[1] * 60) continue;
    const line = make('i', 'now');
    line.style.left = place(clock.minutes) + '%';
    row.lastElementChild.append(line);
  }
}

function filter() {
  const wanted = $('filter').value.trim().toLowerCase();
  for (const building of document.querySelectorAll('.building')) {
    const whole = building.dataset.name.includes(wanted);
    let shown = 0;
    for (const row of building.querySelectorAll('.row')) {
      row.hidden = !(whole || row.dataset.find.includes(wanted));
      if (!row.hidden) shown += 1;
    }
    building.hidden = shown === 0;
  }
}

const ago = (text) => {
  if (!text) return 'never';
  const minutes = Math.max(0, Math.round((Date.parse(health.now) - Date.parse(text)) / 60000));
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h ago` : `${Math.round(minutes / 1440)} days ago`;
};

const since = (text) => (ago(text) === 'just now' ? 'Just now' : 'For ' + ago(text).replace(' ago', ''));

const took = (ms) => {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`;
  return `${Math.round(ms / 60000)} min`;
};
const mark = (ms) => (ms < 60000 ? `${ms / 1000} s` : `${ms / 60000} min`);

// Both parts of the way have the same bars, so that they can be compared.
function drawLatency() {
  const { latency } = health;
  $('latency').hidden = !latency;
  if (!latency) return;
  const ends = latency.endsMs;
  const [title, about] = $('latency').children;
  about.textContent = latency.changes === 1 ? 'The last change that a notice announced.' : `The last ${latency.changes} changes that notices announced.`;
  const part = (name, kind, spread) => {
    const said = spread ? `half within ${took(spread.halfMs)}, 95 % within ${took(spread.mostMs)}` : 'Graph does not say';
    const bars = make('div', 'bars ' + kind);
    bars.role = 'img';
    bars.ariaLabel = `${name}: ${said}`;
    const most = Math.max(1, ...(spread?.bars ?? []));
    for (const [at, count] of (spread?.bars ?? []).entries()) {
      const bar = make('i');
      bar.style.height = (count ? Math.max(6, (100 * count) / most) : 0) + '%';
      const range = at === 0 ? `below ${mark(ends[0])}` : at === ends.length ? `${mark(ends[at - 1])} and more` : `${mark(ends[at - 1])} to ${mark(ends[at])}`;
      bars.append(make('span', '', bar));
      bars.lastElementChild.title = `${range}: ${count}`;
    }
    return make('div', 'part', make('b', '', name), make('small', '', said), bars);
  };
  const scale = make('div', 'scale', ...ends.map((end) => make('span', '', mark(end).replace(' ', '\u200a'))));
  scale.ariaHidden = 'true';
  $('latency').replaceChildren(title, about, part('Microsoft: to the notice', 'theirs', latency.microsoft), part('Ours: to the table', 'ours', latency.ours), scale);
}

function drawHealth() {
  $('blind').hidden = !health.blind;
  $('blind').textContent = health.blind ? `The board does not see the tables: ${health.blind}` : '';
  const [count, label, meter] = $('fresh').children;
  count.textContent = `${health.fresh} / ${health.rooms}`;
  label.textContent = 'rooms fresh';
  $('summary').hidden = false;
  $('summary').textContent = `${health.fresh} of ${health.rooms} fresh`;
  meter.firstElementChild.style.width = (health.rooms ? (100 * health.fresh) / health.rooms : 0) + '%';
  const figures = [
    ['Waiting for the first copy', health.waiting],
    ['Oldest full read', ago(health.oldestFullRead), health.oldestRoom],
    ['Drift repaired by the last full reads', health.drift.repaired, health.drift.last && `${health.drift.rooms} ${health.drift.rooms === 1 ? 'room' : 'rooms'}, last ${ago(health.drift.last)}`],
    ['Rooms that listen', health.listening, health.unproven && `${health.unproven} more wait for a first notice`],
    ['Throttled rooms', health.throttled],
    ['Changes in the last minute', health.changesLastMinute],
  ];
  $('figures').replaceChildren(...figures.flatMap(([name, value, more]) => {
    const figure = [make('dt', '', name), make('dd', '', String(value))];
    if (more) figure.push(make('dd', 'more', more));
    return figure;
  }));
  $('troubles').replaceChildren(...health.troubles.map((trouble) => {
    const shown = trouble.rooms.slice(0, 5).join(', ');
    const rest = trouble.rooms.length > 5 ? ` and ${trouble.rooms.length - 5} more` : '';
    return make('div', trouble.passes ? 'trouble passes' : 'trouble', make('b', '', trouble.why), `${shown}${rest}`, make('small', '', `${since(trouble.since)}. ${trouble.remedy}`));
  }));
  drawLatency();
  $('changes').replaceChildren(...health.changes.map((change) => {
    const time = make('time', '', new Date(change.at).toLocaleTimeString('en-GB'));
    time.dateTime = change.at;
    return make('li', '', time, make('b', '', change.room), make('span', '', change.what));
  }));
  if (!health.changes.length) $('changes').append(make('li', '', make('span', '', 'Nothing has changed since the board started.')));
}

$('previous').onclick = () => step(-1);
$('next').onclick = () => step(1);
$('today').onclick = () => go(null);
$('date').onchange = (event) => event.target.value && go(event.target.value);
$('filter').oninput = filter;
$('detail').onclick = (event) => event.target === $('detail') && $('detail').close();
addEventListener('resize', () => day && drawDay());
connect();
