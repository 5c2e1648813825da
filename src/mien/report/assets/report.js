"use strict";
(() => {
  const body = document.body;
  body.classList.add("live");
  const buttons = [...document.querySelectorAll(".legend button")];
  const names = [...document.querySelector(".legend")?.querySelectorAll("button") ?? []].map((button) => button.textContent);

  for (const button of buttons) {
    button.addEventListener("click", () => {
      const off = body.dataset.only === button.dataset.label;
      if (off) delete body.dataset.only;
      else body.dataset.only = button.dataset.label;
      for (const other of buttons) other.setAttribute("aria-pressed", String(!off && other.dataset.label === button.dataset.label));
    });
  }

  const make = (tag, name, parent, text = "") => {
    const element = document.createElement(tag);
    element.className = name;
    element.textContent = text;
    parent.append(element);
    return element;
  };
  const tip = make("div", "tip", body);
  tip.setAttribute("role", "status");
  tip.hidden = true;

  const clock = (time) => {
    if (time < 60) return time.toFixed(1) + " s";
    const whole = Math.floor(time), two = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    return (hours ? hours + ":" + two(minutes) : minutes) + ":" + two(whole % 60);
  };

  const scoresAt = (track, column) => {
    for (const [first, packed] of track.runs) {
      track.bytes ??= new Map();
      if (!track.bytes.has(first)) track.bytes.set(first, Uint8Array.from(atob(packed), (c) => c.charCodeAt(0)));
      const at = (column - first) * names.length, bytes = track.bytes.get(first);
      if (column >= first && at < bytes.length) return bytes.slice(at, at + names.length);
    }
    return null;
  };

  const show = (track, time, scores) => {
    tip.textContent = "";
    make("b", "", tip, `${track.name}, ${clock(time)}`);
    if (!scores) make("div", "", tip, "no face");
    const order = scores ? [...scores.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, 5) : [];
    for (const label of order) {
      const row = make("div", "k" + label, tip);
      make("i", "dot", row);
      row.append(names[label]);
      make("span", "", row, scores[label] + "%");
    }
    tip.hidden = false;
  };

  for (const timeline of document.querySelectorAll(".timeline")) {
    const data = JSON.parse(document.getElementById("data" + timeline.dataset.reel).textContent);
    const { edges, tracks } = data, first = edges[0], span = edges[edges.length - 1] - first || 1;
    const plots = [...timeline.querySelectorAll(".plot")];
    const cursors = plots.map((plot) => make("div", "cursor", plot));
    let column = 0;
    const hide = () => {
      tip.hidden = true;
      for (const cursor of cursors) cursor.hidden = true;
    };
    const point = (plot, share) => {
      const time = first + share * span;
      column = Math.max(edges.findLastIndex((edge) => edge <= time), 0);
      column = Math.min(column, edges.length - 2);
      for (const cursor of cursors) {
        cursor.hidden = false;
        cursor.style.left = share * 100 + "%";
      }
      const track = tracks[plot.dataset.row];
      show(track, time, scoresAt(track, column));
      const box = plot.getBoundingClientRect(), x = box.left + share * box.width;
      const left = x + 16 + tip.offsetWidth > innerWidth ? x - 16 - tip.offsetWidth : x + 16;
      tip.style.left = Math.max(left, 4) + "px";
      tip.style.top = Math.max(Math.min(box.top, innerHeight - tip.offsetHeight - 8), 8) + "px";
    };
    hide();
    for (const plot of plots) {
      plot.addEventListener("pointermove", (event) => {
        const box = plot.getBoundingClientRect();
        point(plot, Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1));
      });
      plot.addEventListener("pointerleave", hide);
      plot.addEventListener("blur", hide);
      plot.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!step) return;
        event.preventDefault();
        column = Math.min(Math.max(column + step, 0), edges.length - 2);
        point(plot, ((edges[column] + edges[column + 1]) / 2 - first) / span);
      });
    }
  }

  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
})();
