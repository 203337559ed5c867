"""Recipe and catalogue as a manifest recorded them, so that a release can be built again whatever the files say now."""

from pathlib import Path

from openreason_dagster.domain.catalogue import select_models
from openreason_dagster.domain.catalogue_entry import ENTRY_BY_ENGINE, CatalogueModel
from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.recipe_curation import Curation
from openreason_dagster.domain.release.manifest import read_manifest
from openreason_dagster.resources.workspace import Workspace


class RecordedWorkspace(Workspace):
    """The workspace of a manifest; files that recipe or catalogue name need not be there."""

    manifest_path: str

    def recipe(self) -> Recipe:
        """The recorded recipe, with curation in this process; RecipeError if this version cannot read it."""
        recorded = Recipe.from_values(self._recorded()["recipe"], path=Path(self.manifest_path))
        return recorded.model_copy(update={"curation": Curation()})

    def recipe_text(self) -> str:
        """The recipe's file as it was written then."""
        return str(self._recorded().get("recipe_text", ""))

    def model(self, name: str) -> CatalogueModel:
        """A recorded entry, its variables unfilled; RecipeError if there is none or this version cannot read it."""
        entry = self.catalogue_record(name)
        return ENTRY_BY_ENGINE[str(entry.get("engine"))].from_values(entry, path=Path(self.manifest_path))

    def catalogue_record(self, name: str) -> dict[str, object]:
        """A recorded entry as it was written; RecipeError if the manifest has none of that name."""
        catalogue = self._recorded()["catalogue"]
        if name not in catalogue or catalogue[name].get("engine") not in ENTRY_BY_ENGINE:
            raise RecipeError(
                f"{self.manifest_path}: key `catalogue`: found {', '.join(catalogue) or 'none'}, but no usable entry "
                f"{name!r}. Give the manifest of a release as it was written."
            )
        return dict(catalogue[name])

    def selected_models(self) -> list[str]:
        """Names of the recorded models that the recorded recipe selects, of those that are there to be sampled."""
        selected = select_models(self.recipe().models, sorted(self._recorded()["catalogue"]))
        return [name for name in selected if self._is_base_model(name)]

    def _recorded(self) -> dict[str, dict[str, dict[str, object]]]:
        return read_manifest(Path(self.manifest_path))
