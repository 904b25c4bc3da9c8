"""Queries whose SQL is written once in a process, for the few that every sign-in and every page runs.

Django writes the SQL of a queryset anew each time, which takes it twenty times as long as SQLite needs to run
it. Here a function returns the queryset, and a decorator says what is wanted of it:

    @row
    def session_by_key(key: str, now: datetime) -> Any:
        return Session.objects.filter(session_key=key, expire_date__gt=now).values_list("session_data")

    session_by_key(key, timezone.now())  # the first row, or None

At the first call the function is given gaps in place of values, and the SQL of its queryset is kept; each
call puts its values into the gaps. So whatever may differ from call to call has to be a parameter. None is no
value for a gap, because SQL compares it in another way: calls with None are compiled apart. A parameter may
be a dict, for filter(**it) or as the new values of an UPDATE.

Where the SQL cannot stand for the queryset, the function is called with the values, and Django runs what it
returns. That is so for an integer that no such column holds; if the model has a manager or queryset of its
own, because what that asks at the first call, such as the tenant, would be kept for all; for a database that
this is not tested on; and where a DELETE or INSERT has signals to send, or a DELETE related rows.

Mistakes are errors at the first call: a gap in a lookup that changes its value, such as __in or __contains; a
constant that may be a value of that moment, such as a date; and using(), because a router decides each time,
always for the database that is written to: what is asked so often decides something.

It stands on what Django does not document: Query.get_compiler(), SQLCompiler.as_sql() and what that leaves in
the compiler, UpdateQuery, DeleteQuery, InsertQuery, RelatedPopulator. tests/twofactor/test_statements.py
compares statements with their querysets, on each Django that we support.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import cache, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, cast

from django.core.exceptions import EmptyResultSet
from django.core.signals import setting_changed
from django.db import connections, router, transaction
from django.db.models import Manager, Model, QuerySet, signals
from django.db.models.deletion import Collector
from django.db.models.expressions import Value
from django.db.models.lookups import Lookup
from django.db.models.query import ModelIterable, RelatedPopulator, ValuesListIterable
from django.db.models.sql import DeleteQuery, InsertQuery, Query, UpdateQuery
from django.dispatch import receiver

__all__ = ["Gap", "NotAStatement", "delete", "exists", "has_own_managers", "insert", "row", "rows", "update"]

P = ParamSpec("P")
T = TypeVar("T")

VENDORS = {"sqlite", "postgresql"}
COMPARISONS = {"exact", "gt", "gte", "lt", "lte"}
CONSTANTS = (str, int, bool, type(None))
LONGEST = (-(2**63), 2**63 - 1)  # integers that SQLite takes


class NotAStatement(Exception):
    """The function cannot be used as a statement. The message says why."""


class NeedsDjango(Exception):
    """The function is right, but here Django has to run its queryset."""


# Gaps


class Gap(Value):
    """Stands for the value of a parameter while the SQL is written."""

    column: Any = None  # the field that it is compared with, or saved in
    is_compared = False

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def _resolve_output_field(self) -> None:
        """Not that of the name, which Value would take."""


class Slot:
    """What has become of a gap: which value belongs there, and how the database wants it."""

    def __init__(self, gap: Gap, connection: Any) -> None:
        field: Any = gap.column or vars(gap).get("output_field")
        if field is None:
            raise NotAStatement(f"{gap.value} stands in an expression, and needs an output_field")
        self.name: str = gap.value
        self.is_compared = gap.is_compared
        self.to_database = field.get_db_prep_value if gap.is_compared else field.get_db_prep_save
        kind = getattr(field, "target_field", field).get_internal_type()
        ranges: dict[str, tuple[int, int]] = connection.ops.integer_field_ranges
        self.least, self.most = ranges.get(kind, LONGEST)

    def fill(self, given: Any, connection: Any) -> Any:
        if hasattr(given, "resolve_expression") or hasattr(given, "_meta"):
            raise NeedsDjango  # an expression, or an instance of a model
        prepared = self.to_database(given, connection=connection)
        if isinstance(prepared, int) and not self.least <= prepared <= self.most:
            raise NeedsDjango
        return prepared


def parts_of(node: Any) -> Iterator[Any]:
    """The node and everything in it: conditions, lookups, expressions, and queries in them."""
    yield node
    if isinstance(node, Query):
        inside = [node.where, *node.annotations.values(), *node.combined_queries]
    elif hasattr(node, "children"):
        inside = node.children
    else:
        inside = node.get_source_expressions() if hasattr(node, "get_source_expressions") else []
    for part in inside:
        yield from parts_of(part)


def connect_gaps(node: Any) -> None:
    """Tell each gap which column it is compared with. Refuse what would not mean the same at a later call."""
    for part in parts_of(node):
        if isinstance(part, Lookup) and isinstance(part.rhs, Gap):
            if part.lookup_name not in COMPARISONS:
                raise NotAStatement(f"__{part.lookup_name} changes the value of {part.rhs.value}")
            part.rhs.column, part.rhs.is_compared = part.lhs.output_field, True
        elif isinstance(part, Lookup) and not hasattr(part.rhs, "as_sql"):
            refuse_moments(part.rhs)
        elif isinstance(part, Value) and not isinstance(part, Gap):
            refuse_moments(part.value)


def refuse_moments(constant: Any) -> None:
    each = constant if isinstance(constant, list | tuple | set | frozenset) else [constant]
    if not all(isinstance(one, CONSTANTS) for one in each):
        raise NotAStatement(f"{constant!r} would stay as it is now: make it a parameter")


OF_QUERYSET = [name for name in vars(Manager.__mro__[1]) if not name.startswith("__")]  # filter(), get(), …
QUERYSET_METHODS = ["get_queryset", "all", *OF_QUERYSET]


def may_filter(queryset: Any) -> bool:
    """Has a model in it a manager or queryset of its own, which may ask for the tenant of this moment?"""
    models = {part.model for part in parts_of(queryset.query) if isinstance(part, Query) and part.model}
    return type(queryset) is not QuerySet or any(map(has_own_managers, models))


@cache
def has_own_managers(model: type[Model]) -> bool:
    """A join would read the rows that such a manager hides."""
    return any(map(is_own, model._meta.managers))


def is_own(manager: Any) -> bool:
    changed = [getattr(type(manager), name) is not getattr(Manager, name) for name in QUERYSET_METHODS]
    return any(changed) or not set(QUERYSET_METHODS).isdisjoint(vars(manager))


# Statements


class Compiled:
    """The SQL of a statement for one database."""

    def __init__(self, compiler: Any) -> None:
        self.sql, params = compiler.as_sql()
        self.params = [Slot(each, compiler.connection) if isinstance(each, Gap) else each for each in params]

    def fill(self, values: dict[str, Any], connection: Any) -> list[Any]:
        return [
            each.fill(values[each.name], connection) if isinstance(each, Slot) else each
            for each in self.params
        ]


class Known:
    """What is known of a statement since its first call, or since something has changed."""

    def __init__(self, queryset: Any) -> None:
        self.model = queryset.model
        self.columns = self.model._meta.concrete_fields  # another tuple once the model has changed
        self.is_left_to_django = may_filter(queryset)
        self.compiled: dict[Any, Compiled | None] = {}  # None: Django has to run it


class Statement(ABC, Generic[P, T]):
    """A function whose queryset is compiled at the first call."""

    def __init__(self, make: Callable[P, Any]) -> None:
        self.make = make
        self.signature = inspect.signature(make)
        self.names = tuple(self.signature.parameters)
        self.known: Known | None = None
        update_wrapper(self, make)
        STATEMENTS.append(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        given = {**dict(zip(self.names, args, strict=False)), **kwargs}
        if len(args) + len(kwargs) != len(self.names) or len(given) != len(self.names):
            self.signature.bind(*args, **kwargs)  # says what is wrong with the call
        known = self.known
        if known is None or known.model._meta.concrete_fields is not known.columns:
            known = self.known = Known(split(self.make(*args, **kwargs))[0])
        # Whatever is asked so often decides something, and a replica answers from old rows.
        alias = router.db_for_write(known.model)
        if not self.is_left_to_django(known):
            values = dict(named(given))
            shape = (alias, *((name, value is None) for name, value in values.items()))
            if shape not in known.compiled:
                known.compiled[shape] = self.compile(alias, given)
            compiled = known.compiled[shape]
            if compiled is not None:
                try:
                    params = compiled.fill(values, connections[alias])
                except NeedsDjango:
                    pass
                else:
                    return self.run(compiled, params, connections[alias])
        queryset, fields = split(self.make(*args, **kwargs))
        return self.run_by_django(queryset if queryset._db else queryset.using(alias), fields)

    def is_left_to_django(self, known: Known) -> bool:
        return known.is_left_to_django

    def with_gaps(self, given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        gaps = {name: None if value is None else Gap(name) for name, value in named(given)}
        return split(self.make(**{name: gaps_for(name, value, gaps) for name, value in given.items()}))  # type: ignore[call-arg]

    def compile(self, alias: str, given: dict[str, Any]) -> Compiled | None:
        queryset, fields = self.with_gaps(given)
        if queryset._db is not None:
            raise NotAStatement("using() would choose the database for all calls")
        if queryset._prefetch_related_lookups:
            raise NotAStatement("prefetch_related() takes more than one query")
        if queryset._iterable_class not in (ModelIterable, ValuesListIterable):
            raise NotAStatement("it gives neither instances nor tuples")
        if connections[alias].vendor not in VENDORS:
            return None
        try:
            query = self.query_of(queryset, fields)
            connect_gaps(query)
            return self.compiled_query(query.get_compiler(alias), queryset)
        except (EmptyResultSet, NeedsDjango):
            return None

    def query_of(self, queryset: Any, fields: dict[str, Any]) -> Any:
        return queryset.query.clone()

    def compiled_query(self, compiler: Any, queryset: Any) -> Compiled:
        return Compiled(compiler)

    @abstractmethod
    def run(self, compiled: Any, params: list[Any], connection: Any) -> T:
        """Runs the SQL."""

    @abstractmethod
    def run_by_django(self, queryset: Any, fields: dict[str, Any]) -> T:
        """Does the same with the queryset."""


def named(given: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every value with a name of its own: those in a dict too."""
    for name, value in given.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", each) for key, each in value.items())
        else:
            yield name, value


def gaps_for(name: str, value: Any, gaps: dict[str, Any]) -> Any:
    return {key: gaps[f"{name}.{key}"] for key in value} if isinstance(value, dict) else gaps[name]


STATEMENTS: list[Statement[Any, Any]] = []


def split(made: Any) -> tuple[Any, dict[str, Any]]:
    """What the function returns: a queryset, and in an UPDATE the new values too."""
    return made if isinstance(made, tuple) else (made, {})


@receiver(setting_changed)
def forget_all(**kwargs: Any) -> None:
    """A test has changed a setting, such as the user model."""
    for statement in STATEMENTS:
        statement.known = None
    INSERTS.clear()
    has_own_managers.cache_clear()


# SELECT


class CompiledSelect(Compiled):
    """Makes of a row what Django makes of it: a tuple, or an instance with those of select_related()."""

    def __init__(self, compiler: Any, queryset: Any) -> None:
        super().__init__(compiler)
        select, self.width = compiler.select, compiler.col_count
        self.converters = compiler.get_converters([column for column, _sql, _alias in select[: self.width]])
        self.alias = compiler.using
        self.model = None
        if queryset._fields is None:
            info = compiler.klass_info
            self.annotations = compiler.annotation_col_map or {}
            self.model, places = info["model"], info["select_fields"]
            self.own = slice(places[0], places[-1] + 1)
            self.names = [column.target.attname for column, _sql, _alias in select[self.own]]
            related = info.get("related_klass_infos", [])
            mode = [queryset._fetch_mode] if hasattr(queryset, "_fetch_mode") else []  # since Django 6.1
            self.related = [RelatedPopulator(each, select, self.alias, *mode) for each in related]

    def read(self, found: Any, connection: Any) -> Any:
        columns = list(found[: self.width])
        for place, (converters, expression) in self.converters.items():
            for convert in converters:
                columns[place] = convert(columns[place], expression, connection)
        if self.model is None:
            return tuple(columns)
        instance = self.model.from_db(self.alias, self.names, columns[self.own])
        for each in self.related:
            each.populate(columns, instance)
        for name, place in self.annotations.items():
            setattr(instance, name, columns[place])
        return instance


class Rows(Statement[P, list[Any]]):
    """SELECT: all rows."""

    def compiled_query(self, compiler: Any, queryset: Any) -> Compiled:
        return CompiledSelect(compiler, queryset)

    def run(self, compiled: CompiledSelect, params: list[Any], connection: Any) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, params)
            found = cursor.fetchall()
        return [compiled.read(each, connection) for each in found]

    def run_by_django(self, queryset: Any, fields: dict[str, Any]) -> list[Any]:
        return list(queryset)


class Row(Statement[P, Any]):
    """SELECT: the first row, or None. No LIMIT is added, so it is for what has one row, or few."""

    def compiled_query(self, compiler: Any, queryset: Any) -> Compiled:
        return CompiledSelect(compiler, queryset)

    def run(self, compiled: CompiledSelect, params: list[Any], connection: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, params)
            found = cursor.fetchone()
        return None if found is None else compiled.read(found, connection)

    def run_by_django(self, queryset: Any, fields: dict[str, Any]) -> Any:
        return next(iter(queryset), None)


class Exists(Statement[P, bool]):
    """SELECT: is there a row?"""

    def query_of(self, queryset: Any, fields: dict[str, Any]) -> Any:
        return queryset.query.exists()

    def run(self, compiled: Compiled, params: list[Any], connection: Any) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, params)
            return cursor.fetchone() is not None

    def run_by_django(self, queryset: Any, fields: dict[str, Any]) -> bool:
        return bool(queryset.exists())


# UPDATE, DELETE, INSERT


class Change(Statement[P, int]):
    """The number of rows that were changed."""

    def query_of(self, queryset: Any, fields: dict[str, Any]) -> Any:
        query = queryset.query
        if query.is_sliced or query.combinator or query.distinct or queryset._fields is not None:
            raise NotAStatement("a slice, a union, distinct() and values() would change other rows")
        return query

    def run(self, compiled: Compiled, params: list[Any], connection: Any) -> int:
        with transaction.mark_for_rollback_on_error(connection.alias), connection.cursor() as cursor:
            cursor.execute(compiled.sql, params)
            return int(cursor.rowcount)


class Update(Change[P]):
    """The function returns the queryset and the new values: `return queryset, {"count": F("count") + 1}`."""

    def query_of(self, queryset: Any, fields: dict[str, Any]) -> Any:
        query = super().query_of(queryset, fields).chain(UpdateQuery)
        query.add_update_values(fields)
        if query.related_updates:
            raise NeedsDjango  # columns of a parent model
        query.clear_select_clause()
        query.clear_ordering(force=True)
        query.values = [self.resolved(query, *each) for each in query.values]
        return query

    def resolved(self, query: Any, field: Any, model: Any, new: Any) -> tuple[Any, Any, Any]:
        """As the compiler does it, which would be too late to find the gaps in it."""
        if not hasattr(new, "resolve_expression"):
            refuse_moments(new)
            return field, model, new
        new = new.resolve_expression(query, allow_joins=False, for_save=True)
        if isinstance(new, Gap):
            new.column = field
        connect_gaps(new)
        return field, model, new

    def run_by_django(self, queryset: Any, fields: dict[str, Any]) -> int:
        return int(queryset.update(**fields))


class Delete(Change[P]):
    def is_left_to_django(self, known: Known) -> bool:
        """Asked at each call, because someone may have begun to listen since."""
        sent = (signals.pre_delete, signals.post_delete)
        return known.is_left_to_django or any(signal.has_listeners(known.model) for signal in sent)

    def query_of(self, queryset: Any, fields: dict[str, Any]) -> Any:
        collector = Collector(using=router.db_for_write(queryset.model), origin=queryset)
        if not collector.can_fast_delete(queryset):
            raise NeedsDjango  # related rows
        query = super().query_of(queryset, fields).clone()
        query.__class__ = DeleteQuery
        return query

    def run_by_django(self, queryset: Any, fields: dict[str, Any]) -> int:
        return int(queryset.delete()[0])


class CompiledInsert:
    """INSERT of one row with all columns."""

    def __init__(self, instance: Model, alias: str) -> None:
        options = instance._meta
        self.columns, self.has_new_key = options.concrete_fields, instance.pk is None
        fields = [field for field in self.columns if not (self.has_new_key and field.primary_key)]
        if options.parents or any(map(is_written_by_the_database, fields)):
            raise NeedsDjango
        query = InsertQuery(type(instance))
        query.insert_values(fields, [instance])
        compiler = query.get_compiler(alias)
        compiler.returning_fields = [options.pk] if self.has_new_key else []
        [(self.sql, _params)] = compiler.as_sql()
        self.fields = fields

    def run(self, instance: Model, alias: str) -> None:
        connection = connections[alias]
        params = [field.get_db_prep_save(field.pre_save(instance, True), connection) for field in self.fields]
        with transaction.mark_for_rollback_on_error(alias), connection.cursor() as cursor:
            cursor.execute(self.sql, params)
            if self.has_new_key:
                instance.pk = cursor.fetchone()[0]
        instance._state.adding, instance._state.db = False, alias


def is_written_by_the_database(field: Any) -> bool:
    own_sql = hasattr(field, "get_placeholder") or hasattr(field, "get_placeholder_sql")
    return bool(field.generated or field.has_db_default() or own_sql)


INSERTS: dict[tuple[Any, ...], CompiledInsert | None] = {}


def insert(instance: Model) -> None:
    """As instance.save(force_insert=True)."""
    model, alias = type(instance), router.db_for_write(type(instance), instance=instance)
    shape = (model, alias, instance.pk is None)
    compiled = INSERTS.get(shape)
    if shape not in INSERTS or (compiled and compiled.columns is not model._meta.concrete_fields):
        compiled = INSERTS[shape] = compiled_insert(instance, alias)
    listened_to = signals.pre_save.has_listeners(model) or signals.post_save.has_listeners(model)
    if compiled is None or listened_to or model.save is not Model.save:
        instance.save(force_insert=True, using=alias)
    else:
        cast(Any, instance)._prepare_related_fields_for_save("save")
        compiled.run(instance, alias)


def compiled_insert(instance: Model, alias: str) -> CompiledInsert | None:
    connection = connections[alias]
    if connection.vendor not in VENDORS or not connection.features.can_return_columns_from_insert:
        return None
    try:
        return CompiledInsert(instance, alias)
    except NeedsDjango:
        return None


rows, row, exists, update, delete = Rows, Row, Exists, Update, Delete
