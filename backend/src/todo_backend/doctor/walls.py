"""Whether the walls between the users stand: roles, tables and functions, as they are to be."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from todo_backend.database import mending
from todo_backend.database.functions import FunctionSet
from todo_backend.database.inspection import Function, Role, Server, Standing, Table
from todo_backend.database.walls import PUBLIC, ROLES, WALLS, Policy, Wall, entry_role, owners_of
from todo_backend.doctor.finding import Finding, Level

_NOBODYS: Final[frozenset[str]] = frozenset()
_MIGRATE: Final = "todo-backend migrate up"


def of_roles(
    roles: Mapping[str, Role], server: Server, standing: Standing, *, migrates: bool
) -> Iterator[Finding]:
    """Judge the roles that own functions; the login role migrates itself where `migrates`."""
    is_to_come = standing.is_behind and server.may_create_roles
    for name in ROLES:
        if role := roles.get(name):
            yield from _of_role(role)
        elif not is_to_come:
            remedy = f"{mending.new_role(name)}; {mending.membership([name], server.login)}"
            sentence = f"the role {name}, which owns functions, does not exist"
            yield Finding(Level.PROBLEM, sentence, remedy)
    strange = [name for name, role in roles.items() if not role.has_login_as_member]
    if strange and migrates:
        remedy = mending.membership(strange, server.login)
        sentence = f"the database user is no member of {', '.join(strange)}"
        yield Finding(
            Level.WARNING,
            f"{sentence}, so the next release can't migrate",
            f"{remedy}; or set MIGRATE_ON_START=false, and migrate apart",
        )


def _of_role(role: Role) -> Iterator[Finding]:
    wrong = {
        "may log in": role.can_login,
        "is a superuser, whom row-level security does not bind": role.is_superuser,
        "may bypass row-level security": role.bypasses_row_security,
    }
    for claim, is_so in wrong.items():
        if is_so:
            remedy = mending.powerless(role.name)
            yield Finding(Level.PROBLEM, f"the role {role.name} {claim}", remedy)
    for group in role.groups:
        sentence = f"the role {role.name} is a member of {group}, and has its rights"
        yield Finding(Level.PROBLEM, sentence, mending.without_membership(group, role.name))


def of_tables(tables: Mapping[str, Table]) -> Iterator[Finding]:
    """Judge the protection of every table that holds somebody's rows."""
    for name, wall in WALLS.items():
        if table := tables.get(name):
            yield from _of_security(table)
            yield from _of_policies(table, wall)
            yield from _of_rights(table, wall)
        else:
            remedy = "restore it from a backup: no migration makes it a second time"
            yield Finding(Level.PROBLEM, f"the table {name} is missing", remedy)


def _of_security(table: Table) -> Iterator[Finding]:
    name = table.name
    if not table.is_enabled:
        sentence = f"row-level security is off on {name}: only the filters of the queries remain"
        yield Finding(Level.PROBLEM, sentence, mending.row_security(name))
    elif not table.is_forced:
        sentence = f"row-level security is not forced on {name}: the table's owner sees all rows"
        yield Finding(Level.PROBLEM, sentence, mending.row_security(name))


def _of_policies(table: Table, wall: Wall) -> Iterator[Finding]:
    for policy in table.policies:
        if policy not in wall.policies:
            sentence = f"the policy {policy.name} of {table.name} may show rows to other users"
            remedy = mending.without_policy(table.name, policy.name)
            yield Finding(Level.PROBLEM, sentence, remedy)
    for policy in wall.policies:
        if policy not in table.policies:
            remedy = mending.policy(table.name, policy)
            yield Finding(Level.PROBLEM, _without(policy, table.name), remedy)


def _without(policy: Policy, table: str) -> str:
    if policy.role == PUBLIC:
        return f"no policy of {table} gives users the rows that are theirs"
    return f"no policy of {table} lets the role {policy.role} do its work"


def _of_rights(table: Table, wall: Wall) -> Iterator[Finding]:
    name = table.name
    for role in (*ROLES, PUBLIC):
        wanted = wall.rights.get(role, _NOBODYS)
        present = table.rights.get(role, _NOBODYS)
        whose = "the public" if role == PUBLIC else f"the role {role}"
        if excess := present - wanted:
            sentence = f"{whose} has {_list(excess)} on {name}, which it is not to have"
            yield Finding(Level.PROBLEM, sentence, mending.rights_alone(name, role, wanted))
        elif missing := wanted - present:
            sentence = f"{whose} lacks {_list(missing)} on {name}"
            yield Finding(Level.PROBLEM, sentence, mending.rights(name, role, missing))


def of_functions(
    found: Collection[tuple[FunctionSet, Collection[Function]]], login: str
) -> Iterator[Finding]:
    """Judge the owners and callers of the functions; sets that are missing are passed over."""
    for function_set, functions in found:
        if functions:
            yield from _of_owners(function_set, functions)
            yield from _of_callers(function_set, functions, login)


def _of_owners(function_set: FunctionSet, functions: Collection[Function]) -> Iterator[Finding]:
    owners = owners_of(function_set)
    schema = function_set.schema
    remedy = f"{mending.without_functions(schema)}, then {_MIGRATE}"
    misplaced = {
        owners[each.name] for each in functions if each.owner != owners.get(each.name, each.owner)
    }
    for role in sorted(misplaced):
        sentence = f"functions in {schema} belong to another role than {role}"
        yield Finding(Level.PROBLEM, f"{sentence}, and run with its rights", remedy)
    if sorted(owners) != sorted(each.name for each in functions):
        sentence = f"the functions in {schema} are not those that its release has put there"
        yield Finding(Level.PROBLEM, sentence, remedy)


def _of_callers(
    function_set: FunctionSet, functions: Collection[Function], login: str
) -> Iterator[Finding]:
    owners, entry, schema = owners_of(function_set), entry_role(function_set), function_set.schema
    inner = [each for each in functions if owners.get(each.name, entry) != entry]
    entries = [each for each in functions if each not in inner]
    intruders = {caller for each in inner for caller in each.callers} - {entry}
    if any(PUBLIC in each.callers for each in entries):
        intruders.add(PUBLIC)
    for caller in sorted(intruders):
        open_to_them = entries + inner if caller == PUBLIC else inner
        called = [each.signature for each in open_to_them if caller in each.callers]
        sentence = f"functions in {schema} that are only for {entry} are open to {caller}"
        if caller == PUBLIC:
            sentence = f"functions in {schema} are open to the public"
        yield Finding(Level.PROBLEM, sentence, mending.without_callers(called, caller))
    if closed := [each.signature for each in inner if entry not in each.callers]:
        sentence = f"the role {entry} may not call all functions in {schema}"
        yield Finding(Level.PROBLEM, sentence, mending.callers(closed, entry))
    if not all(each.may_execute for each in entries if each.is_door):
        sentence = f"the database user may not call the functions in {schema}"
        yield Finding(Level.PROBLEM, sentence, mending.membership([entry], login))


def _list(rights: Collection[str]) -> str:
    return ", ".join(sorted(rights))
