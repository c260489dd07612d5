/** A small picture of a file. It is fetched with the token of the session, and only once it comes into sight. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";

import { fetchBlob } from "@/lib/api/client";
import { useText } from "@/lib/text";

/** The picture at an address of the API; a word where there is none, because the file was changed or can't be read. */
export function Thumbnail({ at }: { at: string }) {
  const t = useText();
  const box = useRef<HTMLSpanElement>(null);
  const [seen, setSeen] = useState(false);
  const picture = useQuery({
    queryKey: ["files", "thumbnail", at],
    queryFn: ({ signal }) => fetchBlob(at, signal),
    enabled: seen,
    retry: false,
    staleTime: Infinity,
  });
  const [shown, setShown] = useState<string | null>(null);
  useEffect(() => {
    const watch = new IntersectionObserver(([entry]) => entry?.isIntersecting && setSeen(true), { rootMargin: "200px" });
    if (box.current) watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    if (picture.data === undefined) return;
    const address = URL.createObjectURL(picture.data);
    // eslint-disable-next-line react-hooks/set-state-in-effect -- the address lives as long as the effect
    setShown(address);
    return () => URL.revokeObjectURL(address);
  }, [picture.data]);
  return (
    <span ref={box} className="thumbnail">
      {shown && picture.data ? (
        <img src={shown} alt="" />
      ) : (
        picture.isError && <span className="soft small">{t("file.no-picture")}</span>
      )}
    </span>
  );
}
