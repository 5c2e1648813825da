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

  const clock = (time, last = 0) => {
    if (time < 60 && last < 60) return time.toFixed(1) + " s";
    const whole = Math.floor(time + 0.05), two = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    return (hours ? hours + ":" + two(minutes) : minutes) + ":" + two(whole % 60);
  };

  const scoresAt = (runs, column) => {
    for (const run of runs) {
      const first = run[0];
      if (typeof run[1] === "string") run[1] = Uint8Array.from(atob(run[1]), (c) => c.charCodeAt(0));
      const at = (column - first) * names.length;
      if (column >= first && at < run[1].length) return run[1].slice(at, at + names.length);
    }
    return null;
  };

  const nearest = (pictures, time) =>
    pictures.reduce((best, picture) => (best && Math.abs(best[0] - time) <= Math.abs(picture[0] - time) ? best : picture), null);

  const address = (picture) => "data:image/jpeg;base64," + picture[3];

  const show = (track, time, last, column) => {
    tip.textContent = "";
    make("b", "", tip, `${track.name}, ${clock(time, last)}`);
    const scores = scoresAt(track.runs, column), peaks = scoresAt(track.peaks, column);
    if (!scores) make("div", "", tip, "not in the picture");
    const order = scores ? [...scores.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, 5) : [];
    for (const label of order) {
      const row = make("div", "k" + label, tip);
      make("i", "dot", row);
      row.append(names[label]);
      make("span", "", row, scores[label] + "%");
    }
    const brief = peaks ? [...peaks.keys()].filter((label) => label !== order[0] && peaks[label] >= 50) : [];
    if (brief.length) make("div", "brief-words", tip, "briefly " + brief.map((label) => `${names[label]} ${peaks[label]}%`).join(", "));
    const picture = scores && nearest(track.pictures, time);
    if (picture) {
      make("img", "", tip).src = address(picture);
      make("small", "", tip, `${names[picture[1]]} ${picture[2]}%, taken at ${clock(picture[0], last)}`);
    }
    tip.hidden = false;
  };

  const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

  for (const timeline of document.querySelectorAll(".timeline")) {
    const data = JSON.parse(document.getElementById("data" + timeline.dataset.reel).textContent);
    const { edges, tracks } = data, first = edges[0], span = edges[edges.length - 1] - first || 1;
    const plots = [...timeline.querySelectorAll(".plot")], faces = [...timeline.querySelectorAll(".now")];
    const drawings = plots.flatMap((plot) => [...plot.querySelectorAll("svg")]), axes = [...timeline.querySelectorAll(".axis")];
    const at = timeline.querySelector(".at"), still = faces.map((face) => face.src);
    const cursors = plots.map((plot) => make("div", "cursor", plot));
    const least = Math.min(8 / (edges.length - 1), 1);
    let from = 0, to = 1, column = 0, held = false;

    const hide = () => {
      held = false;
      tip.hidden = true;
      at.textContent = "";
      for (const cursor of cursors) cursor.hidden = true;
      faces.forEach((face, place) => {
        face.src = still[place];
        face.classList.remove("gone");
      });
    };

    const point = (plot, place) => {
      const time = first + place * span, share = (place - from) / (to - from);
      column = Math.min(Math.max(edges.findLastIndex((edge) => edge <= time), 0), edges.length - 2);
      for (const cursor of cursors) {
        cursor.hidden = share < 0 || share > 1;
        cursor.style.left = share * 100 + "%";
      }
      for (const face of faces) {
        const track = tracks[face.dataset.row], picture = nearest(track.pictures, time);
        if (picture) face.src = address(picture);
        face.classList.toggle("gone", !scoresAt(track.runs, column));
      }
      at.textContent = "at " + clock(time, first + span);
      if (plot.dataset.row === undefined) return;
      show(tracks[plot.dataset.row], time, first + span, column);
      const box = plot.getBoundingClientRect(), x = box.left + share * box.width;
      const left = x + 16 + tip.offsetWidth > innerWidth ? x - 16 - tip.offsetWidth : x + 16;
      tip.style.left = Math.max(left, 4) + "px";
      tip.style.top = Math.max(Math.min(box.top, innerHeight - tip.offsetHeight - 8), 8) + "px";
    };

    const mark = (time, step) =>
      step < 1 ? (time < 60 ? time.toFixed(1) + " s" : `${clock(time)}.${Math.round((time * 10) % 10)}`) : clock(time, Math.max(first + span, 60));

    const view = (a, b) => {
      const wide = Math.min(Math.max(b - a, least), 1);
      from = Math.min(Math.max((a + b - wide) / 2, 0), 1 - wide);
      to = from + wide;
      for (const drawing of drawings) {
        drawing.dataset.wide ??= drawing.viewBox.baseVal.width;
        const all = Number(drawing.dataset.wide);
        drawing.setAttribute("viewBox", `${from * all} 0 ${wide * all} ${drawing.viewBox.baseVal.height}`);
      }
      const step = STEPS.find((s) => (wide * span) / s <= 8 + 1e-6) ?? wide * span;
      for (const axis of axes) {
        axis.textContent = "";
        for (let n = Math.ceil((first + from * span) / step - 1e-9); n * step <= first + to * span + 1e-9; n++) {
          const place = (((n * step - first) / span - from) / wide) * 100;
          make("span", place > 97 ? "last" : "", axis, mark(n * step, step)).style.left = place + "%";
        }
      }
      hide();
    };

    const zooms = {
      in: (middle, half) => view(middle - half / 2, middle + half / 2),
      out: (middle, half) => view(middle - half * 2, middle + half * 2),
      back: (middle, half) => view(from - half, to - half),
      on: (middle, half) => view(from + half, to + half),
      whole: () => view(0, 1),
    };
    for (const button of timeline.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => zooms[button.dataset.zoom]((from + to) / 2, (to - from) / 2));
    }
    for (const button of timeline.querySelectorAll(".moment")) {
      button.addEventListener("click", () => {
        const place = (Number(button.dataset.time) - first) / span, plot = plots[button.dataset.row];
        if (place < from || place > to) view(place - (to - from) / 2, place + (to - from) / 2);
        plot.scrollIntoView({ block: "nearest" });
        point(plot, place);
        held = true;
      });
    }

    hide();
    for (const plot of plots) {
      let start = null, pick = null;
      const shareOf = (event) => {
        const box = plot.getBoundingClientRect();
        return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
      };
      const drop = () => {
        pick?.remove();
        start = pick = null;
      };
      plot.addEventListener("pointerdown", (event) => {
        if (event.button === 0 && event.pointerType === "mouse") start = shareOf(event);
      });
      plot.addEventListener("pointermove", (event) => {
        const share = shareOf(event);
        if (start !== null && (pick || Math.abs(share - start) > 0.01)) {
          pick ??= make("div", "pick", plot);
          pick.style.left = Math.min(start, share) * 100 + "%";
          pick.style.width = Math.abs(share - start) * 100 + "%";
        }
        if (!held) point(plot, from + share * (to - from));
      });
      plot.addEventListener("pointerup", (event) => {
        const share = shareOf(event), began = start, picked = pick;
        drop();
        const wide = to - from;
        if (picked) view(from + Math.min(began, share) * wide, from + Math.max(began, share) * wide);
        else if (began !== null) {
          point(plot, from + share * wide);
          held = !held;
        }
      });
      plot.addEventListener("dblclick", () => view(0, 1));
      plot.addEventListener("pointerleave", () => {
        drop();
        if (!held) hide();
      });
      plot.addEventListener("blur", hide);
      plot.addEventListener("keydown", (event) => {
        if (event.key === "Escape") hide();
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!step) return;
        event.preventDefault();
        column = Math.min(Math.max(column + step, 0), edges.length - 2);
        const place = ((edges[column] + edges[column + 1]) / 2 - first) / span;
        if (place < from || place > to) view(place - (to - from) / 2, place + (to - from) / 2);
        point(plot, place);
      });
    }
  }

  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
})();
