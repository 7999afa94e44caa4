/** Ids that lead to their slabs. */
export function SlabLinks({ slabs }: { readonly slabs: readonly string[] }) {
  return (
    <>
      {slabs.map((slab) => [
        <a key={slab} href={`#/slabs/${slab}`}>
          {slab}
        </a>,
        " ",
      ])}
    </>
  );
}
