"""The table finds every route that matches, whatever else it finds."""

from hypothesis import given
from hypothesis import strategies as st

from relay.model import Event, Note, User, Visibility
from relay.routing.index import RouteIndex
from relay.routing.match import Match, Route, sinks_for

NAMES = ("bob", "alice", "b[o]b", "bob.x", "")
HOSTS = ("here.example", "far.example")

words = st.sampled_from(
    ["bob", "alice", "*", "b*", "?ob", "*@far.example", "bob@*", "bob@here.example"]
)
words |= st.sampled_from(["*@*", "b[o]b", "bob@far.*", "a*@far.example", "@", "bob@"])


def some(values: st.SearchStrategy[str]) -> st.SearchStrategy[frozenset[str] | None]:
    return st.none() | st.frozensets(values, min_size=1, max_size=2)


matches = st.builds(
    Match,
    author=st.none() | st.lists(words, min_size=1, max_size=2),
    tag=some(st.sampled_from(["misskey", "other"])),
    hook=some(st.sampled_from(["alice", "bob"])),
    server=some(st.sampled_from(HOSTS)),
    event=some(st.sampled_from(["note", "mention"])),
    bot=st.none() | st.booleans(),
)
notes = st.builds(
    Note,
    user=st.builds(User, username=st.sampled_from(NAMES), host=st.sampled_from([None, *HOSTS])),
    tags=st.lists(st.sampled_from(["Misskey", "third"]), max_size=2).map(tuple),
    visibility=st.just(Visibility.PUBLIC),
)
events = st.builds(
    Event,
    id=st.just("1"),
    hook=st.sampled_from(["alice", "bob"]),
    kind=st.sampled_from(["note", "mention"]),
    created_at=st.just(0),
    server=st.sampled_from(["", *(f"https://{host}" for host in HOSTS)]),
    note=st.none() | notes,
)


@given(st.lists(matches, max_size=8), events)
def test_an_event_goes_where_it_would_if_every_route_were_asked(
    asked: list[Match], event: Event
) -> None:
    routes = [
        Route(name=f"#{place}", to=("team", f"s{place}"), match=match)
        for place, match in enumerate(asked)
    ]
    assert sinks_for(event, RouteIndex(routes).routes_for(event)) == sinks_for(event, routes)


def test_of_thousands_of_routes_only_those_of_the_author_are_asked() -> None:
    routes = [
        Route(name=str(n), to=("team",), match=Match(author=f"user{n}@*")) for n in range(5_000)
    ]
    note = Note(user=User(username="User7", host="far.example"))
    event = Event(id="1", hook="alice", kind="note", created_at=0, note=note)
    assert [route.name for route in RouteIndex(routes).routes_for(event)] == ["7"]
