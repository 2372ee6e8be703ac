#include "control.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

static size_t keep(char *data, size_t size, size_t count, void *ctx)
{
    buf_append(ctx, data, size * count);
    return size * count;
}

/* The page, or NULL with *message set. */
static cJSON *get(const char *address, const char *path, char *message, size_t message_size)
{
    CURL      *c = curl_easy_init();
    struct buf url, body;
    CURLcode   code;
    long       http = 0;
    cJSON     *page = NULL;

    if (c == NULL)
        return NULL;
    buf_init(&url, NULL);
    buf_init(&body, NULL);
    buf_printf(&url, "%s%s", address, path);
    curl_easy_setopt(c, CURLOPT_URL, buf_cstr(&url));
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    code = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &http);
    if (code != CURLE_OK)
        snprintf(message, message_size, "%s", curl_easy_strerror(code));
    else if (http != 200 || (page = cJSON_Parse(buf_cstr(&body))) == NULL)
        snprintf(message, message_size, "it answers %ld", http);
    curl_easy_cleanup(c);
    buf_deinit(&url);
    buf_deinit(&body);
    return page;
}

static cJSON *get_from_any(struct shell *s, const char *path)
{
    const char *given = getenv("LINERA_HTTP");
    char *addresses = strdup(given != NULL ? given : "http://127.0.0.1:8432"), *rest, *address,
         message[256] = "no address";
    cJSON *page = NULL;

    for (address = strtok_r(addresses, ", ", &rest); address != NULL && page == NULL;
         address = strtok_r(NULL, ", ", &rest))
        page = get(address, path, message, sizeof message);
    if (page == NULL)
        shell_error(s,
                    "the control plane at %s could not be asked: %s; set LINERA_HTTP to where "
                    "a node's --http is",
                    given != NULL ? given : "http://127.0.0.1:8432", message);
    free(addresses);
    return page;
}

static void set_cell(PGresult *r, int row, int column, const cJSON *value)
{
    char *text;

    if (value == NULL || cJSON_IsNull(value)) {
        PQsetvalue(r, row, column, NULL, -1);
        return;
    }
    text = cJSON_IsString(value) ? strdup(value->valuestring) : cJSON_PrintUnformatted(value);
    if (text != NULL)
        PQsetvalue(r, row, column, text, (int)strlen(text));
    free(text);
}

PGresult *control_list(struct shell *s, const char *path, const char *name,
                       const struct control_column *columns, size_t count)
{
    PGresAttDesc attributes[16] = {0};
    cJSON       *page = get_from_any(s, path);
    const cJSON *item;
    PGresult    *r;
    int          row = 0;

    if (page == NULL)
        return NULL;
    for (size_t c = 0; c < count && c < ARRAY_LEN(attributes); c++)
        attributes[c] = (PGresAttDesc){.name = (char *)(uintptr_t)columns[c].title, .typid = 25};
    r = PQmakeEmptyPGresult(s->conn, PGRES_TUPLES_OK);
    PQsetResultAttrs(r, (int)count, attributes);
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(page, name))
    {
        for (size_t c = 0; c < count; c++)
            set_cell(r, row, (int)c, cJSON_GetObjectItem(item, columns[c].field));
        row++;
    }
    cJSON_Delete(page);
    return r;
}
