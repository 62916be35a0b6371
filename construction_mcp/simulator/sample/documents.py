"""Folders, files, photos, drawings and specifications."""

from collections.abc import Iterator

from construction_mcp.simulator.kinds import first_id
from construction_mcp.simulator.sample import words
from construction_mcp.simulator.sample.plot import Maker, Plot, Row


def folders(plot: Plot) -> Iterator[Row]:
    before, number = first_id("folder", plot.index), 0
    for name, inner in words.FOLDERS.items():
        number += 1
        top = before + number
        yield {"name": name, "parent_id": None, "private": False, **plot.stamps(-300)}, None
        for child in inner:
            number += 1
            yield {"name": child, "parent_id": top, "private": False, **plot.stamps(-250)}, None


def files(plot: Plot) -> Iterator[Row]:
    for number in range(plot.scale.files):
        stem, _, ending = words.FILES[number % len(words.FILES)].rpartition(".")
        copy = number // len(words.FILES)
        age = plot.between(1, 200)
        yield (
            {
                "name": f"{stem}{f' {copy + 1}' if copy else ''}.{ending}",
                "parent_id": plot.pick(plot.ids("folder")),
                "size": plot.between(20_000, 4_000_000),
                "description": "",
                "file_type": ending,
                "private": False,
                "created_by_id": plot.pick(plot.employees),
                **plot.stamps(-age, -age / 2),
            },
            None,
        )


def image_categories(plot: Plot) -> Iterator[Row]:
    for position, name in enumerate(words.IMAGE_CATEGORIES, start=1):
        yield {"name": name, "private": False, "position": position, **plot.stamps(-300)}, None


def images(plot: Plot) -> Iterator[Row]:
    for number in range(1, plot.scale.images + 1):
        age = plot.between(0, 60) + plot.dice.random()
        yield (
            {
                "filename": f"IMG_{4000 + number}.jpg",
                "description": plot.pick(("Curtain wall, north", "Deck pour", "Delivery", "Above-ceiling rough-in")),
                "size": plot.between(900_000, 5_000_000),
                "taken_at": plot.moment(-age),
                "image_category_id": plot.pick(plot.ids("image_category")),
                "private": False,
                "starred": plot.maybe(0.1),
                "width": 4032,
                "height": 3024,
                "location_id": plot.pick(plot.ids("location")),
                "created_by_id": plot.pick(plot.employees),
                **plot.stamps(-age),
            },
            None,
        )


def drawing_areas(plot: Plot) -> Iterator[Row]:
    for name in ("Building", "Site"):
        yield {"name": name, "description": f"{name} drawings", **plot.stamps(-280)}, None


def drawing_sets(plot: Plot) -> Iterator[Row]:
    for position, (name, age) in enumerate((("Permit Set", 280), ("Bulletin 1", 120), ("Bulletin 2", 30)), start=1):
        yield {"name": name, "date": plot.days(-age), "position": position, **plot.stamps(-age)}, None


def drawings(plot: Plot) -> Iterator[Row]:
    for number in range(plot.scale.drawings):
        place = number % len(words.DISCIPLINES)
        letter, discipline = words.DISCIPLINES[place]
        count = number // len(words.DISCIPLINES)
        yield (
            {
                "number": f"{letter}{1 + count // len(words.SHEETS)}{count % len(words.SHEETS) + 1:02d}",
                "title": f"{words.SHEETS[count % len(words.SHEETS)]}, {discipline}",
                "discipline": discipline,
                "drawing_discipline_id": place + 1,
                "drawing_set_id": plot.ids("drawing_set")[0],
                **plot.stamps(-280, -30),
            },
            plot.ids("drawing_area")[number % 5 == 4],
        )


def drawing_revisions(plot: Plot) -> Iterator[Row]:
    """One to three revisions each; the last is the current one."""
    sets = plot.records("drawing_set")
    for position, drawing in enumerate(plot.records("drawing"), start=1):
        last = plot.between(1, 3)
        for revision in range(last):
            drawing_set = sets[revision]
            yield (
                {
                    "number": drawing["number"],
                    "title": drawing["title"],
                    "revision_number": str(revision),
                    "current": revision == last - 1,
                    "drawing_date": drawing_set["date"],
                    "received_date": drawing_set["date"],
                    "drawing_set_id": drawing_set.id,
                    "drawing_area_id": drawing.parent,
                    "discipline": drawing["discipline"],
                    "discipline_id": drawing["drawing_discipline_id"],
                    "position": position,
                    "created_at": drawing_set["created_at"],
                    "updated_at": drawing_set["created_at"],
                },
                drawing.id,
            )


def specification_sections(plot: Plot) -> Iterator[Row]:
    """Each section's only revision has the same place in its own table, hence the id."""
    before = first_id("specification_revision", plot.index)
    for place, (number, description) in enumerate(words.SPEC_SECTIONS, start=1):
        yield {"number": number, "description": description, "current_revision_id": before + place}, None


def specification_revisions(plot: Plot) -> Iterator[Row]:
    set_id = plot.ids("specification_set")[0]
    for section in plot.records("specification_section"):
        yield (
            {
                "number": section["number"],
                "description": section["description"],
                "division": int(section["number"][:2]),
                "specification_set_id": set_id,
                "revision": "0",
                "issued_date": plot.days(-280),
                "received_date": plot.days(-278),
                **plot.stamps(-278),
            },
            section.id,
        )


def specification_sets(plot: Plot) -> Iterator[Row]:
    yield {"name": "Project Manual", "date": plot.days(-280), "position": 1, **plot.stamps(-280)}, None


MAKERS: dict[str, Maker] = {
    "folder": folders,
    "file": files,
    "image_category": image_categories,
    "image": images,
    "drawing_area": drawing_areas,
    "drawing_set": drawing_sets,
    "drawing": drawings,
    "drawing_revision": drawing_revisions,
    "specification_section": specification_sections,
    "specification_revision": specification_revisions,
    "specification_set": specification_sets,
}
