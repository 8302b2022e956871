// Points and boxes on the image: a tap is a point, a drag is a box; by keyboard the arrows move a cross and Enter sets it.
// A second finger takes the mark that was begun back: two fingers enlarge the image.
(function () {
  "use strict";

  const SMALLEST = 0.02;
  const STEP = 0.02;
  const round = (share) => Math.round(Math.min(1, Math.max(0, share)) * 10000) / 10000;

  class Marks {
    // layer: over the field. picture(): the image. onChange(list): after every mark.
    constructor({ layer, picture, onChange }) {
      Object.assign(this, { layer, picture, onChange, list: [], most: 10, on: false, cross: { x: 0.5, y: 0.5 } });
      this.pointers = new Set();
      layer.addEventListener("pointerdown", (event) => this.down(event));
      layer.addEventListener("pointermove", (event) => this.move(event));
      layer.addEventListener("pointerup", (event) => this.up(event));
      for (const name of ["pointerup", "pointercancel"]) {
        window.addEventListener(name, (event) => this.lifted(event));
      }
      layer.addEventListener("keydown", (event) => this.key(event));
      window.addEventListener("resize", () => this.draw());
    }
    set(list, most) {
      this.list = list || [];
      this.most = most || 10;
      this.draw();
    }
    active(on) {
      this.on = on;
      this.layer.classList.toggle("on", on);
      if (on) {
        this.layer.tabIndex = 0;
        this.layer.setAttribute("role", "application");
        this.layer.setAttribute("aria-label", window.diptych.say("mark_keys"));
        this.layer.focus();
      } else {
        for (const name of ["tabindex", "role", "aria-label"]) this.layer.removeAttribute(name);
      }
      this.draw();
    }
    place(event) {
      const box = this.picture().getBoundingClientRect();
      return { x: round((event.clientX - box.left) / box.width), y: round((event.clientY - box.top) / box.height) };
    }
    down(event) {
      if (!this.on) return;
      event.preventDefault();
      this.pointers.add(event.pointerId);
      this.keyed = false;
      if (this.pointers.size > 1) this.start = null;
      else {
        this.layer.setPointerCapture(event.pointerId);
        this.start = this.now = this.place(event);
      }
      this.draw();
    }
    // After its own pointerup, which ends a mark; a cancelled pointer leaves none.
    lifted(event) {
      if (!this.pointers.delete(event.pointerId) || !this.start) return;
      this.start = null;
      this.draw();
    }
    move(event) {
      if (!this.start) return;
      this.now = this.place(event);
      this.draw();
    }
    up() {
      if (!this.start) return;
      const mark = this.drawn();
      this.start = null;
      this.add(mark);
    }
    drawn() {
      const box = {
        x: Math.min(this.start.x, this.now.x),
        y: Math.min(this.start.y, this.now.y),
        w: round(Math.abs(this.start.x - this.now.x)),
        h: round(Math.abs(this.start.y - this.now.y)),
      };
      return box.w < SMALLEST || box.h < SMALLEST ? { x: this.start.x, y: this.start.y } : box;
    }
    add(mark) {
      if (this.list.length < this.most) {
        this.list = this.list.concat(mark);
        this.onChange(this.list);
      }
      this.draw();
    }
    undo() {
      this.list = this.list.slice(0, -1);
      this.onChange(this.list);
      this.draw();
    }
    key(event) {
      const steps = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
      if (steps[event.key]) {
        const [dx, dy] = steps[event.key];
        this.keyed = true;
        this.cross = { x: round(this.cross.x + dx), y: round(this.cross.y + dy) };
        this.draw();
      } else if (event.key === "Enter") {
        this.add({ ...this.cross });
      } else if (event.key !== "Escape") return;
      if (event.key !== "Escape") event.stopPropagation();
      event.preventDefault();
    }
    draw() {
      const box = this.picture().getBoundingClientRect();
      const layer = this.layer.getBoundingClientRect();
      const shown = this.list.map((mark) => [mark, "w" in mark ? "box" : "point"]);
      if (this.start) shown.push([this.drawn(), "box"]);
      if (this.on && this.keyed && !this.start) shown.push([this.cross, "cross"]);
      this.layer.replaceChildren(...shown.map(([mark, kind]) => {
        const element = document.createElement("span");
        element.className = "mark " + kind;
        element.style.left = `${box.left - layer.left + mark.x * box.width}px`;
        element.style.top = `${box.top - layer.top + mark.y * box.height}px`;
        if (kind === "box") {
          element.style.width = `${(mark.w || 0) * box.width}px`;
          element.style.height = `${(mark.h || 0) * box.height}px`;
        }
        return element;
      }));
    }
  }

  window.diptych = Object.assign(window.diptych || {}, { Marks });
})();
