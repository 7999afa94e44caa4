import type { ComponentChildren } from "preact";

/** A table that scrolls if it is wider than the screen, also by keyboard. */
export function Table({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    <section class="table-wrap" aria-label={label} tabIndex={0}>
      <table>{children}</table>
    </section>
  );
}
