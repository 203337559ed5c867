"""The files that people edit, as a resource: the recipe and the model catalogue."""

import os
from pathlib import Path

import dagster as dg

from openreason_dagster.domain.catalogue import load_model, model_names, select_models
from openreason_dagster.domain.catalogue_entry import CatalogueModel, DatasetModel, ModelRole
from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.inference.plan import applicable_temperatures
from openreason_dagster.domain.recipe import IMPORTED, Recipe, temperature_key
from openreason_dagster.domain.recipe_checks import load_recipe
from openreason_dagster.domain.release.manifest import catalogue_record


class Workspace(dg.ConfigurableResource["Workspace"]):
    """Recipe, catalogue, and the folder for finished work. Files are read when asked for, so edits count at once."""

    recipe_path: str
    catalogue_path: str
    output_path: str

    def recipe(self) -> Recipe:
        """The recipe as it stands now; RecipeError if it cannot be used."""
        return load_recipe(Path(self.recipe_path))

    def recipe_text(self) -> str:
        """The recipe's file as it is written; OSError if it cannot be read."""
        return Path(self.recipe_path).read_text(encoding="utf-8")

    @property
    def recipe_folder(self) -> Path:
        """Folder that relative paths in the recipe start from."""
        return Path(self.recipe_path).parent

    @property
    def catalogue_folder(self) -> Path:
        """Folder that relative paths in catalogue files start from."""
        return Path(self.catalogue_path)

    def model(self, name: str) -> CatalogueModel:
        """One model of the catalogue; RecipeError if it is unknown or its file is broken."""
        return load_model(self.catalogue_folder, name, variables=os.environ)

    def catalogue_record(self, name: str) -> dict[str, object]:
        """A model's catalogue file for a manifest: as written, without secrets; RecipeError if it cannot be read."""
        return catalogue_record(self.catalogue_folder / f"{name}.yaml")

    def model_in_role(self, name: str, role: ModelRole, *, key: str) -> CatalogueModel:
        """One model of the catalogue that may be asked in a role.

        Args:
            name: Of the model.
            role: What it is asked as.
            key: Recipe key that names it, for the message.

        Raises:
            RecipeError: it is unknown, its file is broken, or it does not have the role.
        """
        model = self.model(name)
        if role not in model.roles or isinstance(model, DatasetModel):
            raise RecipeError(
                f"{self.recipe_path}: key `{key}` names model {name!r}, which cannot be asked as {role}: its roles are "
                f"{', '.join(model.roles)} and its engine is {model.engine}. Name another one, or add `{role}` to "
                "`roles` in its catalogue file if that is what it was trained for."
            )
        return model

    def usable_model(self, name: str) -> CatalogueModel:
        """One model of the catalogue that the recipe can sample at one of its temperatures at least.

        Raises:
            RecipeError: it is unknown, its file is broken, or no temperature applies to it.
        """
        model = self.model(name)
        keys = self.recipe().temperature_keys
        if applicable_temperatures(model, keys):
            return model
        if isinstance(model, DatasetModel):
            own = temperature_key(IMPORTED if model.temperature is None else model.temperature)
            reason, remedy = f"its traces exist only at {own}", f"Add {own} to them"
        else:
            reason, remedy = "it can be sampled at any but `imported`", "Add a number to them"
        raise RecipeError(
            f"{self.recipe_path}: key `temperatures`: found {', '.join(keys)}, none of which applies to model "
            f"{name!r}: {reason}. {remedy}, or exclude the model by '!{name}' in `models`."
        )

    def selected_models(self) -> list[str]:
        """Names of the catalogue's models that the recipe selects, of those that are there to be sampled.

        A file that cannot be read is taken for one of a base model, so that whoever uses it is told.
        """
        selected = select_models(self.recipe().models, model_names(self.catalogue_folder))
        return [name for name in selected if self._is_base_model(name)]

    def imported_models(self) -> list[str]:
        """Names of the selected models whose traces somebody else sampled."""
        return [name for name in self.selected_models() if isinstance(self.model(name), DatasetModel)]

    def _is_base_model(self, name: str) -> bool:
        try:
            return "base" in self.model(name).roles
        except RecipeError:
            return True

    @property
    def release_folder(self) -> Path:
        """Where this recipe's data set is written."""
        return Path(self.output_path) / "releases" / self.recipe().name

    @property
    def report_file(self) -> Path:
        """Where this recipe's HTML report is written."""
        return Path(self.output_path) / "reports" / self.recipe().name / "index.html"
