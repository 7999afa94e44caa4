/** The ids of slabs, each a link to the page of its slab. */
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
