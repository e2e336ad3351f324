"""Build the site in _docs: with Quarto where it is on PATH, with smalldocs elsewhere.

Links are checked first, in both cases, on the site that smalldocs makes: a page of the sidebar that does not
exist, a link to no page and a link to no heading all fail. smalldocs does not read `output-file`, which is how
nbdev tells Quarto that `api/00_data.ipynb` becomes `api/data.html`; so the numbers are stripped from the processed
notebooks, and from the links to them, before it reads them.
"""
import json, os, re, shutil, subprocess, sys, tempfile
from html import unescape
from pathlib import Path
from urllib.parse import unquote

from nbdev.config import get_config
from nbdev.serve import proc_nbs

LINK = re.compile(r"""(\]\(|\b(?:href|src)=["'])([^)"'\s]*)""")


def bare(name: str) -> str:  # `00_data.ipynb` becomes `data.ipynb`, as in nbdev
    return re.sub(r"^\d+[a-zA-Z0-9]*_", "", name.lower())


def rename(text: str, names: dict, site: str) -> str:  # the links of a Markdown text, to the renamed pages
    def link(m):
        path, mark, tail = m[2].partition("#")
        # the site's own pages are checked, not the published ones
        if path.startswith(site): path = path[len(site):] or "/"
        folder, slash, name = path.rpartition("/")
        return m[1] + folder + slash + names.get(name, name) + mark + tail
    return LINK.sub(link, text)


def strip_numbers(processed: Path, site: str):
    "Rename the processed notebooks and everything that points at them."
    notebooks = sorted(processed.rglob("*.ipynb"))
    names = {p.name: bare(p.name) for p in notebooks}
    places = [p.parent / bare(p.name) for p in notebooks]
    if twice := {p.name for p in places if places.count(p) > 1}: sys.exit(f"two pages would be called {min(twice)}")
    for p in notebooks:
        nb = json.loads(p.read_text(encoding="utf-8"))
        for cell in nb["cells"]:
            text = "".join(cell["source"])
            if cell["cell_type"] == "raw": text = re.sub(r"^output-file:.*\n", "", text, flags=re.M)
            if cell["cell_type"] == "markdown": text = rename(text, names, site)
            cell["source"] = text
            for out in cell.get("outputs", []):
                for kind in {"text/markdown", "text/html"} & out.get("data", {}).keys():
                    out["data"][kind] = rename("".join(out["data"][kind]), names, site)
        p.unlink()
        p.with_name(names[p.name]).write_text(json.dumps(nb), encoding="utf-8")
    config = processed / "_quarto.yml"
    config.write_text(
        re.sub(r"[\w.-]+\.ipynb", lambda m: names.get(m[0], bare(m[0])), config.read_text(encoding="utf-8")),
        encoding="utf-8",
    )


def broken_anchors(docs: Path) -> list:
    "Links between the built pages whose heading does not exist. A method may do with the heading of its class."
    pages = {p.resolve(): p.read_text(encoding="utf-8") for p in docs.rglob("*.html")}
    ids = {p: set(map(unescape, re.findall(r"""\b(?:id|name)=["']([^"']+)""", t))) for p, t in pages.items()}
    found = set()
    for page, text in pages.items():
        for href in re.findall(r"""<a\b[^>]*\bhref=["']([^"']*#[^"']+)["']""", text):
            path, _, anchor = unescape(href).partition("#")
            target = (page.parent / unquote(path)).resolve() if path else page
            if (
                not re.match(r"\w+:", path)
                and target in ids
                and ids[target].isdisjoint([a := unquote(anchor), a.rpartition(".")[0]])
            ):
                found.add(f"{page.relative_to(docs.resolve())}: no heading for {href}")
    return sorted(found)


def smalldocs(command: str, folder: Path, *options: str) -> int:
    return subprocess.run(["smalldocs", command, *options, str(folder)]).returncode


def main():
    cfg = get_config()
    processed, docs = cfg.config_path/"_proc", cfg.doc_path
    shutil.rmtree(processed, ignore_errors=True)
    # nbdev runs a whole cell for the imports in it, hours where it is slow
    os.environ["PYTHONWARNINGS"] = "error:Found cells containing imports"
    proc_nbs(n_workers=2)
    with tempfile.TemporaryDirectory() as tmp:
        copy = Path(tmp)/"site"
        shutil.copytree(processed, copy)
        strip_numbers(copy, (cfg.doc_host + cfg.doc_baseurl).rstrip("/"))
        if smalldocs("check", copy) or smalldocs("render", copy, "--quiet"):
            sys.exit("the site has broken links (above)")
        if anchors := broken_anchors(copy/docs.name): sys.exit("\n".join(anchors))
        if not shutil.which("quarto"):
            shutil.rmtree(docs, ignore_errors=True)
            shutil.move(copy/docs.name, docs)
    if shutil.which("quarto"):
        readme = cfg.config_path/"README.md"
        # written by fairprune.dev; nbdev_docs rewrites one older than its notebook
        if readme.exists(): os.utime(readme)
        shutil.rmtree(processed, ignore_errors=True)
        subprocess.run(["nbdev_docs", "--n_workers", "2"], check=True)
    print(f"The site is in {docs.name}/index.html")


if __name__ == "__main__": main()
