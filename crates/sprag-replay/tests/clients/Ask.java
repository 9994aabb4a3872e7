// Asks servers by the two clients that come with Java: Ask http-client|url-connection URL... See ask.py.

import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;

class Ask {
    static final String ASKED = "{\"texts\": [\"a\", \"b\"], \"model\": \"small\"}";
    static final String ITEM = "/item?n=" + System.getenv("ITEM");

    public static void main(String[] args) throws Exception {
        for (int at = 1; at < args.length; at++) {
            if (args[0].equals("http-client")) {
                byHttpClient(args[at]);
            } else {
                byUrlConnection(args[at]);
            }
        }
    }

    static void byHttpClient(String base) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        for (HttpRequest.Builder request : new HttpRequest.Builder[] {
            HttpRequest.newBuilder(URI.create(base + ITEM)),
            HttpRequest.newBuilder(URI.create(base + "/echo"))
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(ASKED)),
            HttpRequest.newBuilder(URI.create(base + "/events")),
        }) {
            var answer = client.send(request.build(), BodyHandlers.ofString());
            System.out.println(answer.statusCode() + " " + answer.version() + " " + answer.body());
        }
    }

    static void byUrlConnection(String base) throws Exception {
        for (String path : new String[] {ITEM, "/echo", "/events"}) {
            var connection = (HttpURLConnection) new URL(base + path).openConnection();
            if (path.equals("/echo")) {
                connection.setDoOutput(true);
                connection.setRequestProperty("Content-Type", "application/json");
                connection.getOutputStream().write(ASKED.getBytes());
            }
            int status = connection.getResponseCode();
            InputStream body = status < 400 ? connection.getInputStream() : connection.getErrorStream();
            System.out.println(status + " " + new String(body.readAllBytes()));
        }
    }
}
