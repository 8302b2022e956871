// Zoom and pan of one image: wheel, pinch, double click for 1:1, drag, buttons and keys. While drawing() is true, one finger
// or the mouse draws on the image: then it neither pans nor, clicked twice, enlarges.
(function () {
  "use strict";

  const MOST = 12;

  class Zoom {
    constructor(field, picture, onChange) {
      Object.assign(this, { field, picture, onChange, onMove: () => {}, drawing: () => false });
      this.pointers = new Map();
      this.reset();
      field.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
      field.addEventListener("dblclick", (event) => this.toggle(event.clientX, event.clientY));
      field.addEventListener("pointerdown", (event) => this.down(event));
      field.addEventListener("pointermove", (event) => this.move(event));
      for (const name of ["pointerup", "pointercancel"]) {
        field.addEventListener(name, (event) => this.pointers.delete(event.pointerId));
      }
      field.addEventListener("keydown", (event) => this.key(event));
      document.querySelectorAll("[data-zoom]").forEach((button) => {
        button.addEventListener("click", () => this.command(button.dataset.zoom));
      });
      window.addEventListener("resize", () => this.apply());
    }
    reset() {
      Object.assign(this, { scale: 1, x: 0, y: 0 });
      this.apply();
    }
    // The scale at which one pixel of the image is one pixel of the page.
    one() {
      const image = this.picture.querySelector("img") || this.picture;
      return Math.min(MOST, image.naturalWidth / (image.offsetWidth || 1));
    }
    command(name) {
      const box = this.field.getBoundingClientRect();
      const x = box.left + box.width / 2;
      const y = box.top + box.height / 2;
      if (name === "in") this.to(this.scale * 1.5, x, y);
      else if (name === "out") this.to(this.scale / 1.5, x, y);
      else if (name === "one") this.to(this.one(), x, y);
      else this.to(1, x, y);
    }
    toggle(x, y) {
      if (this.drawing()) return;
      this.to(this.scale > 1 ? 1 : Math.max(this.one(), 2), x, y);
    }
    // Set the scale so that the point under (x, y) stays where it is.
    to(scale, x, y) {
      const next = Math.max(Math.min(1, this.one()), Math.min(MOST, scale));
      const box = this.field.getBoundingClientRect();
      const cx = x - box.left - box.width / 2;
      const cy = y - box.top - box.height / 2;
      this.x = cx - ((cx - this.x) * next) / this.scale;
      this.y = cy - ((cy - this.y) * next) / this.scale;
      this.scale = next;
      this.apply();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.onChange(Math.round(this.scale * 100) / 100), 400);
    }
    pan(dx, dy) {
      this.x += dx;
      this.y += dy;
      this.apply();
    }
    apply() {
      const farX = Math.max(0, (this.picture.offsetWidth * this.scale - this.field.clientWidth) / 2);
      const farY = Math.max(0, (this.picture.offsetHeight * this.scale - this.field.clientHeight) / 2);
      this.x = Math.max(-farX, Math.min(farX, this.x));
      this.y = Math.max(-farY, Math.min(farY, this.y));
      this.picture.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
      this.field.classList.toggle("enlarged", this.scale > 1);
      this.onMove();
    }
    wheel(event) {
      event.preventDefault();
      this.to(this.scale * Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX, event.clientY);
    }
    down(event) {
      if (event.target.closest("button")) return;
      this.pointers.set(event.pointerId, event);
      const pans = this.scale > 1 && !this.drawing();
      if (pans || this.pointers.size > 1) this.field.setPointerCapture(event.pointerId);
    }
    move(event) {
      const before = this.pointers.get(event.pointerId);
      if (!before) return;
      const other = Array.from(this.pointers.values()).find((pointer) => pointer.pointerId !== event.pointerId);
      if (other) {
        const spread = (pointer) => Math.hypot(pointer.clientX - other.clientX, pointer.clientY - other.clientY) || 1;
        const ratio = spread(event) / spread(before);
        this.to(this.scale * ratio, (event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2);
      } else if (this.scale > 1 && !this.drawing()) {
        this.pan(event.clientX - before.clientX, event.clientY - before.clientY);
      }
      this.pointers.set(event.pointerId, event);
    }
    key(event) {
      const steps = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
      if (event.key === "+" || event.key === "=") this.command("in");
      else if (event.key === "-") this.command("out");
      else if (event.key === "0") this.command("fit");
      else if (steps[event.key] && this.scale > 1) {
        this.pan(...steps[event.key]);
        event.stopPropagation();
      } else return;
      event.preventDefault();
    }
  }

  window.diptych = Object.assign(window.diptych || {}, { Zoom });
})();
