// What is looked at: one image, or the frames of a pair, a strip or a grid side by side.
(function () {
  "use strict";

  const { say } = window.diptych;
  const NARROW = 600;
  const GAP = 4;

  class Stage {
    // kind: single, pair, strip or grid. one: what the whole is called, e.g. "pair".
    constructor(element, { kind, one }) {
      Object.assign(this, { element, kind, one });
      this.picture = element.querySelector("img");
      element.dataset.kind = kind;
      // What zoom moves: the image alone, or all frames together.
      this.moves = kind === "single" ? this.picture : element;
      window.addEventListener("resize", () => this.arrange());
    }
    // Show `addresses` and resolve when every frame is decoded. place: what, number and count, for the words that stand for
    // the image. heads: a grid's sources, of its rows, then of its columns.
    async show(addresses, columns, place, heads = []) {
      this.columns = columns + (heads.length ? 1 : 0);
      if (this.kind === "single") {
        this.picture.src = addresses[0];
        this.picture.alt = say("to_be_judged", place);
        await this.picture.decode();
        this.arrange();
        return;
      }
      const frames = addresses.map((address, at) => this.frame(address, at, place));
      const sources = this.sources(heads, heads.length - columns, place);
      const figures = frames.map((frame) => frame.figure);
      this.element.replaceChildren(...(heads.length ? this.headed(figures, sources, columns) : figures));
      this.picture = frames[0].image;
      await Promise.all([...frames, ...sources].map((frame) => frame.image.decode()));
      this.arrange();
    }
    frame(address, at, place) {
      const figure = document.createElement("figure");
      const image = document.createElement("img");
      const side = this.kind === "pair" ? ["left", "right"][at] : "";
      image.src = address;
      image.alt = say(side ? `${side}_image` : "frame", { ...place, frame: at + 1 });
      image.draggable = false;
      figure.dataset.place = at + 1;
      const caption = document.createElement("figcaption");
      caption.textContent = side ? say(side) : String(at + 1);
      caption.setAttribute("aria-hidden", "true");
      figure.append(image, caption);
      return { figure, image };
    }
    // What the rows take their colour from, and the columns their shape. They are looked at and not chosen.
    sources(heads, rows, place) {
      return heads.map((address, at) => {
        const [axis, number] = at < rows ? ["row", at + 1] : ["column", at - rows + 1];
        const source = this.frame(address, at, place);
        source.figure.className = `head ${axis}`;
        delete source.figure.dataset.place;
        source.image.alt = say(`${axis}_source`, { ...place, frame: number });
        source.figure.querySelector("figcaption").textContent = axis === "row" ? "\u2192" : "\u2193";
        return source;
      });
    }
    // A corner, the columns' sources above, and every row behind its own.
    headed(figures, sources, columns) {
      const rows = sources.length - columns;
      const heads = sources.map((source) => source.figure);
      const lines = heads.slice(0, rows).map((head, row) => [head, ...figures.slice(row * columns, (row + 1) * columns)]);
      return [document.createElement("span"), ...heads.slice(rows), ...lines.flat()];
    }
    // One image is as large as the field allows, small ones included.
    fitOne() {
      const field = this.element.parentElement;
      const { width, height } = this.size();
      const scale = Math.min(field.clientWidth / width, field.clientHeight / height);
      if (!Number.isFinite(scale) || !scale) return;
      this.picture.style.width = `${Math.floor(width * scale)}px`;
      this.picture.style.height = `${Math.floor(height * scale)}px`;
    }
    arrange() {
      if (!this.picture.naturalWidth) return;
      if (this.kind === "single") this.fitOne();
      else this.fitAll();
    }
    // Frames of one size, as large as fit beside each other and above each other.
    fitAll() {
      const field = this.element.parentElement;
      const count = this.element.children.length;
      // A long strip would be a row of stamps on a phone: there it becomes two or three rows.
      const narrow = this.kind === "strip" && window.innerWidth < NARROW;
      const columns = narrow ? Math.min(3, this.columns) : this.columns;
      const rows = Math.ceil(count / columns);
      const { width, height } = this.size();
      field.style.setProperty("--tall", (rows * height) / (columns * width)); // a phone gives a grid its whole width
      const room = (length, parts) => (length - GAP * (parts + 1)) / parts;
      const free = field.clientHeight - parseFloat(getComputedStyle(field).paddingBottom);
      const scale = Math.min(room(field.clientWidth, columns) / width, room(free, rows) / height);
      this.element.style.setProperty("--columns", columns);
      this.element.style.setProperty("--cell-width", `${Math.max(1, Math.floor(width * scale))}px`);
      this.element.style.setProperty("--cell-height", `${Math.max(1, Math.floor(height * scale))}px`);
    }
    wait(on) {
      this.element.classList.toggle("waiting", on);
    }
    // Which frames are marked as chosen.
    choose(places) {
      this.element.querySelectorAll("figure").forEach((figure) => {
        figure.classList.toggle("chosen", places.includes(Number(figure.dataset.place)));
      });
    }
    size() {
      return { width: this.picture.naturalWidth, height: this.picture.naturalHeight };
    }
  }

  window.diptych = Object.assign(window.diptych || {}, { Stage });
})();
