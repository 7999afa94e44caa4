import type { ComponentChildren } from "preact";

/** A table that scrolls by itself where it is wider than the screen, also by keyboard. */
export function Table({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    <section class="table-wrap" aria-label={label} tabIndex={0}>
      <table>{children}</table>
    </section>
  );
}
