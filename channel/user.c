#include "channel/user.h"

/* Takes what is before sep, or all; false when nothing is left. */
static bool field(struct slice *text, char sep, struct slice *out)
{
	if (!text->p)
		return false;
	if (!slice_cut(text, (uint8_t)sep, out))
		*text = slice_of(NULL, 0);
	return true;
}

static bool number(struct slice s, uint32_t *out)
{
	uint64_t v;

	if (!slice_decimal(s, (uint64_t)INT32_MAX + 1, &v) || v > INT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

/* Can it be the value of a variable? */
static bool word(struct slice s)
{
	return s.len > 0 && s.len <= USER_WORD_MAX && !memchr(s.p, 0, s.len);
}

struct line_passwd {
	struct slice name, home;
	uint32_t uid, gid;
};

/* name:password:uid:gid:comment:home:shell */
static bool passwd_line(struct slice line, struct line_passwd *p)
{
	struct slice f[6];

	for (size_t i = 0; i < 6; i++)
		if (!field(&line, ':', &f[i]))
			return false;
	p->name = f[0];
	p->home = f[5];
	return word(f[0]) && number(f[2], &p->uid) && number(f[3], &p->gid);
}

struct line_group {
	struct slice name, members;
	uint32_t gid;
};

/* name:password:gid:member,member */
static bool group_line(struct slice line, struct line_group *g)
{
	struct slice f[4];

	for (size_t i = 0; i < 4; i++)
		if (!field(&line, ':', &f[i]))
			return false;
	g->name = f[0];
	g->members = f[3];
	return f[0].len > 0 && number(f[2], &g->gid);
}

static bool is_member(struct slice members, struct slice name)
{
	struct slice m;

	while (field(&members, ',', &m))
		if (slice_eq(m, name))
			return true;
	return false;
}

static void set_numbers(struct user *u, uint32_t uid, uint32_t gid)
{
	*u = (struct user){ .idc = 2, .ids = { uid, gid }, .home = slice_str("/") };
	if (uid == 0)
		u->home = slice_str("/root");
}

/* The line whose name is `name`, else the first one with the number, if any. */
static bool find_passwd(struct slice text, struct slice name, const uint32_t *uid, struct user *u)
{
	struct line_passwd p;
	struct slice line;
	bool found = false;

	while (field(&text, '\n', &line)) {
		bool exact;

		if (!passwd_line(line, &p))
			continue;
		exact = slice_eq(p.name, name);
		if (!exact && (found || !uid || p.uid != *uid))
			continue;
		found = true;
		set_numbers(u, p.uid, p.gid);
		u->name = p.name;
		if (word(p.home))
			u->home = p.home;
		if (exact)
			break;
	}
	return found;
}

static bool find_group(struct slice text, struct slice name, uint32_t *gid)
{
	struct line_group g;
	struct slice line;

	while (field(&text, '\n', &line)) {
		if (group_line(line, &g) && slice_eq(g.name, name)) {
			*gid = g.gid;
			return true;
		}
	}
	return number(name, gid);
}

static enum rc add_groups(struct slice text, struct user *u)
{
	struct line_group g;
	struct slice line;

	while (field(&text, '\n', &line)) {
		if (!group_line(line, &g) || !is_member(g.members, u->name))
			continue;
		if (u->idc == REQUEST_IDS_MAX)
			return RC_LIMIT;
		u->ids[u->idc++] = g.gid;
	}
	return RC_OK;
}

void user_root(struct user *u)
{
	set_numbers(u, 0, 0);
}

bool user_numbers(struct slice spec, struct user *u)
{
	struct slice who, group = spec;
	uint32_t uid, gid;

	if (!field(&group, ':', &who) || !number(who, &uid) || !number(group, &gid))
		return false;
	set_numbers(u, uid, gid);
	return true;
}

enum rc user_find(struct slice spec, struct slice passwd, struct slice groups, struct user *u,
                  bool *group)
{
	struct slice who, rest = spec;
	uint32_t uid;
	bool numeric;

	*group = false;
	if (!field(&rest, ':', &who) || who.len == 0 || (rest.p && rest.len == 0))
		return RC_BAD;
	numeric = number(who, &uid);
	if (!find_passwd(passwd, who, numeric ? &uid : NULL, u)) {
		if (!numeric)
			return RC_ABSENT;
		set_numbers(u, uid, 0);
	}
	if (!rest.p)
		return u->name.len > 0 ? add_groups(groups, u) : RC_OK;
	*group = true;
	return find_group(groups, rest, &u->ids[1]) ? RC_OK : RC_ABSENT;
}
