import pytest

from tests.doors.projects import Client, People, doors_project, served


@pytest.fixture(scope="session")
def project(tmp_path_factory, with_other_packages):
    """The app comes from its wheel."""
    return doors_project(tmp_path_factory.mktemp("doors"), with_other_packages)


@pytest.fixture(scope="session")
def people(project):
    return People(project)


@pytest.fixture(scope="session")
def asgi(project):
    with served(project, "asgi") as (address, _process):
        yield address


@pytest.fixture(scope="session")
def wsgi(project):
    with served(project, "wsgi") as (address, _process):
        yield address


@pytest.fixture(params=["wsgi", "asgi"])
def address(request):
    """Each test that asks for it speaks with both servers."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def new_client(address):
    return lambda **headers: Client(address, **headers)


@pytest.fixture
def client(new_client):
    return new_client()


@pytest.fixture
def ann(people):
    """Has a second factor."""
    return people.take("with_factor")


@pytest.fixture
def bob(people):
    """Has none."""
    return people.take("without_factor")


@pytest.fixture
def dora(people):
    """Must have one, and has not set it up."""
    return people.take("must_set_up")
