in vec3 in_position;
in vec4 in_row0;
in vec4 in_row1;
in vec4 in_row2;
uniform mat4 clip_from_world;
uniform vec4 depth_row;
invariant gl_Position;

#ifdef SHADED
in vec3 in_normal;
in vec4 in_tint;
out vec3 v_world;
out vec3 v_normal;
out vec3 v_local;
out vec3 v_local_normal;
flat out vec3 v_face;
flat out vec4 v_tint;
flat out vec3 v_extent;
#endif
out float v_z;

void main() {
    vec4 p = vec4(in_position, 1.0);
    vec4 world = vec4(dot(in_row0, p), dot(in_row1, p), dot(in_row2, p), 1.0);
    gl_Position = clip_from_world * world;
    v_z = dot(depth_row, world);
#ifdef SHADED
    vec3 x = vec3(in_row0.x, in_row1.x, in_row2.x);
    vec3 y = vec3(in_row0.y, in_row1.y, in_row2.y);
    vec3 z = vec3(in_row0.z, in_row1.z, in_row2.z);
    vec3 squares = max(vec3(dot(x, x), dot(y, y), dot(z, z)), 1e-12);
    vec3 n = in_normal / squares;
    v_world = world.xyz;
    v_normal = n.x * x + n.y * y + n.z * z;
    v_extent = sqrt(squares);
    v_local = in_position * v_extent;
    v_local_normal = in_normal / v_extent;
    v_face = in_normal;
    v_tint = in_tint;
#endif
}
