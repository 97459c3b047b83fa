const toggle = document.getElementById("outlines");
toggle?.addEventListener("change", () => document.body.classList.toggle("plain", !toggle.checked));

const zoom = document.getElementById("zoom");
for (const view of document.querySelectorAll(".card .view")) {
  view.addEventListener("click", () => {
    const copy = view.cloneNode(true);
    copy.addEventListener("click", () => zoom.close());
    zoom.replaceChildren(copy);
    zoom.showModal();
  });
}

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const sort = () => {
      const rising = head.getAttribute("aria-sort") !== "ascending";
      const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
      const compare = (a, b) => {
        const [x, y] = [value(a), value(b)];
        const difference = Number(x) - Number(y);
        return Number.isNaN(difference) ? x.localeCompare(y, undefined, { numeric: true }) : difference;
      };
      const rows = [...body.rows].sort((a, b) => (rising ? compare(a, b) : compare(b, a)));
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      body.append(...rows);
    };
    head.tabIndex = 0;
    head.addEventListener("click", sort);
    head.addEventListener("keydown", (event) => event.key === "Enter" && sort());
  });
}
